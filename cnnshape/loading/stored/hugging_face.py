"""Models of transformers and diffusers from a configuration alone: no weights, no foreign code.

``hf:FOLDER`` and ``hf:config.json`` name a file on this machine. What a configuration may ask for
beside an architecture of the installed library (``auto_map``, attention kernels from a hub) is
left out, since it would be code from elsewhere.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from torch import nn

from cnnshape.errors import MissingDependencyError, ModelConstructionError, ModelNotFoundError
from cnnshape.loading.installed_torchvision import blame_torchvision
from cnnshape.loading.shapes import InputSpec
from cnnshape.loading.target import make_module
from cnnshape.messages import say
from cnnshape.words import did_you_mean, listed

#: Tokens of a text, where the model takes so many, and a second of sound.
_TOKENS, _SAMPLES = 128, 16_000
#: Two seconds of a spectrogram.
_FRAMES = 200
#: The side of a picture where a configuration does not tell: as most are trained.
_SIDE = 224
#: What would bring code or weights from elsewhere.
_FOREIGN = frozenset(
    {"auto_map", "attn_implementation", "_attn_implementation", "custom_pipelines"}
)


@dataclass(frozen=True, slots=True)
class Configured:
    """A model built from a configuration, what it is usually run on, and what was left out."""

    module: nn.Module
    usual_inputs: tuple[InputSpec, ...] | None
    note: str = ""


def build_configured(source: str) -> Configured:
    """Build the model that a configuration describes, with random weights.

    Args:
        source: a folder with a ``config.json``, or such a file.

    Raises:
        ModelNotFoundError: there is no such file, or the library has no such architecture.
        ModelConstructionError: the file is no configuration, or no model can be built from it.
        MissingDependencyError: transformers or diffusers is not installed.
    """
    path = _config_file(source)
    whole = _read(path)
    kept = cast("dict[str, Any]", _without_foreign(whole))
    try:
        module, usual = (_diffusers if "_class_name" in kept else _transformers)(path, kept)
    except ModelConstructionError as error:
        blame_torchvision(error)  # transformers imports it when a class is asked for
        raise
    note = say("code that the configuration names (auto_map) is not run: it was ignored")
    return Configured(module, usual, note if "auto_map" in whole else "")


def _config_file(source: str) -> Path:
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if (path / "config.json").is_file():
        return path / "config.json"
    if (path / "model_index.json").is_file():
        parts = sorted(file.parent.name for file in path.glob("*/config.json"))
        raise ModelNotFoundError(
            say(
                "{folder} is a pipeline of several models: name one of them, as in {names}",
                folder=source,
                names=listed([f"hf:{(path / part).as_posix()}" for part in parts[:3]], "or"),
            )
        )
    if path.is_dir():
        raise ModelNotFoundError(say("the folder {folder} holds no config.json", folder=source))
    raise ModelNotFoundError(
        say(
            "there is no folder or file {folder}: hf: reads a configuration that lies on "
            "this machine, and nothing is downloaded",
            folder=source,
        )
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise ModelConstructionError(
            say("{file} is no JSON, expected a configuration", file=path)
        ) from error
    if not isinstance(found, dict):
        raise ModelConstructionError(
            say("{file} holds no configuration: expected a JSON object", file=path)
        )
    return cast("dict[str, Any]", found)


def _without_foreign(value: object) -> object:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {key: _without_foreign(item) for key, item in items if key not in _FOREIGN}
    if isinstance(value, list):
        return [_without_foreign(item) for item in cast("list[object]", value)]
    return value


def _library(name: str, path: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            raise MissingDependencyError(
                say(
                    "{file} describes a model of {package}, which is not installed: pip install "
                    "{package}",
                    file=path,
                    package=name,
                )
            ) from error
        blame_torchvision(error)
        raise MissingDependencyError(
            say(
                "{package} cannot be imported ({reason}): pip install --upgrade {package}",
                package=name,
                reason=error,
            )
        ) from error


_Built = tuple[nn.Module, tuple[InputSpec, ...] | None]


# ---- transformers -----------------------------------------------------------------------


def _transformers(path: Path, values: dict[str, Any]) -> _Built:
    library = _library("transformers", path)
    kind = str(values.get("model_type", ""))
    if not kind:
        raise ModelConstructionError(
            say(
                "{file} says neither model_type (transformers) nor _class_name (diffusers)",
                file=path,
            )
        )
    known: Mapping[str, Any] = library.CONFIG_MAPPING
    if kind not in known:
        raise ModelNotFoundError(
            say(
                "transformers {version} has no model type {kind!r}{hint}, and code from "
                "elsewhere is not run",
                version=library.__version__,
                kind=kind,
                hint=did_you_mean(kind, list(known)),
            )
        )

    def create() -> object:
        config = known[kind].from_dict(values)
        if getattr(config, "use_pretrained_backbone", False):
            config.use_pretrained_backbone = False
        architecture = _architecture(library, values)
        if architecture is not None:
            # As from_config does, for a class that has no public name for it: in the dtype that
            # the configuration tells.
            return architecture._from_config(config)  # noqa: SLF001
        return library.AutoModel.from_config(config, trust_remote_code=False)

    module = make_module(create, {}, f"hf:{path}")
    return module, _text_picture_or_sound(module)


def _architecture(library: ModuleType, values: Mapping[str, Any]) -> Any:
    """The class that the configuration was saved with, if the library has it."""
    for name in cast("list[object]", values.get("architectures") or []):
        found = getattr(library, str(name), None)
        if isinstance(found, type) and issubclass(found, library.PreTrainedModel):
            return found
    return None


def _text_picture_or_sound(module: Any) -> tuple[InputSpec, ...] | None:
    """The usual inputs by the name of the main one; None for a sort that is not known here."""
    config = module.config
    main = str(module.main_input_name)
    makers = {
        "input_ids": _tokens,
        "pixel_values": _picture,
        "input_values": _sound,
        "input_features": _spectrogram,
    }
    if main not in makers:
        return None
    inputs = [InputSpec(*makers[main](config), name=main)]
    if main == "input_ids" and hasattr(config, "vision_config") and _is_dual(config):
        inputs.append(InputSpec(*_picture(config), name="pixel_values"))
    if getattr(config, "is_encoder_decoder", False) and main != "pixel_values":
        inputs.append(InputSpec(*_tokens(config), name="decoder_input_ids"))
    return tuple(inputs)


def _is_dual(config: Any) -> bool:
    """An encoder each for texts and pictures, both of which it needs, as CLIP does."""
    return hasattr(config, "text_config") and hasattr(config, "projection_dim")


_Described = tuple[tuple[int, ...], str | None]


def _tokens(config: Any) -> _Described:
    most = _told(config, ("max_position_embeddings", "max_target_positions"), _TOKENS)
    return (1, min(_TOKENS, most)), "int64"


def _picture(config: Any) -> _Described:
    channels = _told(config, ("num_channels", "in_channels", "in_chans"), 3)
    sides = _sides(config)
    frames = _told(config, ("num_frames",), 0)
    return (1, *((frames,) if frames else ()), channels, *sides), None


def _sound(config: Any) -> _Described:
    bands = _told(config, ("num_mel_bins",), 0)
    return ((1, _told(config, ("max_length",), 1024), bands) if bands else (1, _SAMPLES)), None


def _spectrogram(config: Any) -> _Described:
    """Bands over time, as Whisper takes it (it halves the frames once), or frames of bands."""
    bands = _told(config, ("num_mel_bins", "input_feat_per_channel"), 80)
    positions = _told(config, ("max_source_positions",), 0)
    if positions and not hasattr(config, "input_feat_per_channel"):
        return (1, bands, 2 * positions), None
    return (1, _FRAMES, bands), None


def _parts(config: Any) -> Iterator[Any]:
    """A configuration and those of the encoders inside it."""
    yield config
    for name in ("text_config", "vision_config", "backbone_config", "encoder_config"):
        if getattr(config, name, None) is not None:
            yield getattr(config, name)


def _told(config: Any, names: tuple[str, ...], otherwise: int) -> int:
    """The first whole number that a configuration has under one of the names."""
    for part in _parts(config):
        for name in names:
            value = getattr(part, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return otherwise


def _sides(config: Any) -> tuple[int, int]:
    for part in _parts(config):
        size: Any = getattr(part, "image_size", None)
        if isinstance(size, int):
            return size, size
        if isinstance(size, (list, tuple)) and len(cast("list[int]", size)) == 2:
            height, width = cast("list[int]", size)
            return height, width
        if isinstance(size, Mapping) and {"height", "width"} <= size.keys():
            return int(size["height"]), int(size["width"])
    return _SIDE, _SIDE


# ---- diffusers --------------------------------------------------------------------------


def _diffusers(path: Path, values: dict[str, Any]) -> _Built:
    library = _library("diffusers", path)
    name = str(values["_class_name"])
    found: Any = getattr(library, name, None)
    if not (isinstance(found, type) and issubclass(found, library.ModelMixin)):
        raise ModelNotFoundError(
            say("diffusers {version} has no model {name!r}", version=library.__version__, name=name)
        )
    module = make_module(lambda: found.from_config(values), {}, f"hf:{path}")
    return module, _noise(module, values)


def _noise(module: nn.Module, values: Mapping[str, Any]) -> tuple[InputSpec, ...] | None:
    """A noisy picture, the step, and the words that it is to be guided by."""
    from cnnshape.loading.forward_signature import forward_parameters

    forward = forward_parameters(module)
    size, channels = values.get("sample_size"), values.get("in_channels")
    sides = (size, size) if isinstance(size, int) else tuple(size or ())
    width = values.get("cross_attention_dim")
    known = {
        "sample": InputSpec((1, channels, *sides), name="sample") if channels and sides else None,
        "timestep": InputSpec((), "int64", "timestep"),
        "encoder_hidden_states": (
            InputSpec((1, 77, width), name="encoder_hidden_states")
            if isinstance(width, int)
            else None
        ),
    }
    wanted = [known.get(name) for name in (forward.required if forward else ())]
    return None if None in wanted else tuple(spec for spec in wanted if spec is not None)
