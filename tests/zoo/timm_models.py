"""Every architecture of timm."""

from __future__ import annotations

from typing import Any


def timm_names() -> list[str]:
    """Every architecture of timm."""
    import timm

    return timm.list_models()


def timm_model(name: str, device: str) -> tuple[Any, Any]:
    """A model of timm with two pictures of the size that it was made for."""
    import timm
    import torch

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    try:
        with torch.device(device):
            model = timm.create_model(name)
    except (RuntimeError, NotImplementedError):  # its constructor reads numbers
        model = timm.create_model(name)
    channels, height, width = config.input_size if config else (3, 224, 224)
    return model.eval(), f"2,{channels},{height},{width}"
