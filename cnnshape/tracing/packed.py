"""Weights packed for quantized kernels, as far as a recording can tell of them."""

from __future__ import annotations

from typing import Any, cast

import torch

_SLID = ("stride", "padding", "output_padding", "dilation", "groups")


def packed_weights(thing: torch.ScriptObject) -> Any:
    """The size of each packed weight and how it is slid, as plain data; None for other objects.

    The numbers themselves are unpacked and dropped again.
    """
    script = cast("Any", thing)
    kind = str(script._type()).partition("torch.classes.")[2]  # noqa: SLF001
    if kind == "rnn.CellParamsBase":  # the weights that meet the input and the state
        (*_, weights), _ = script.__getstate__()
        return tuple(map(packed_weights, weights))
    if kind.startswith("quantized.") and script._has_method("unpack"):  # noqa: SLF001
        settings = {name: getattr(script, name)() for name in _SLID if script._has_method(name)}  # noqa: SLF001
        return {"weight": tuple(script.unpack()[0].shape)} | {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
        }
    return None
