"""Every model type of transformers that can be built from its default configuration."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

#: How many layers a configuration has, under the names that they use. Nothing else is made
#: smaller: tensors without memory may be as wide as they are.
_DEPTHS = (
    "num_hidden_layers",
    "n_layer",
    "num_layers",
    "encoder_layers",
    "decoder_layers",
)


def transformers_names() -> list[str]:
    """Every model type that AutoModel knows."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return list(MODEL_MAPPING_NAMES)


def transformers_model(name: str, device: str) -> tuple[Any, Any]:
    """A model of a type, eight layers deep at most where it can be, with its usual inputs.

    In the half precision that grouped products ask for.
    """
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[name]
    try:
        return _built(_shallow(kind), device)
    except Exception:  # some lists have to be as long as there are layers
        return _built(kind(), device)


def _shallow(kind: Any) -> Any:
    """The default configuration with few layers, in the parts as well."""
    usual = kind()
    parts = {
        name: {"model_type": part.model_type} | _few(part)
        for name in getattr(kind, "sub_configs", {})
        if (part := getattr(usual, name, None)) is not None
    }
    return kind(**_few(usual), **parts)


def _few(config: Any) -> dict[str, int]:
    """Eight at most: models that mix kinds of layers have one of each by then."""
    found = {depth: getattr(config, depth, None) for depth in _DEPTHS}
    return {depth: 8 for depth, layers in found.items() if isinstance(layers, int) and layers > 8}


def _built(config: Any, device: str) -> tuple[Any, Any]:
    """As ``hf:config.json`` would build it."""
    import torch

    from cnnshape.loading.stored.hugging_face import build_configured

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(config.to_dict() | {"dtype": "bfloat16"}, default=str))
        with torch.device(device):
            found = build_configured(str(file))
    inputs = {spec.name: str(spec).partition("=")[2] for spec in found.usual_inputs or ()}
    return found.module.eval(), inputs
