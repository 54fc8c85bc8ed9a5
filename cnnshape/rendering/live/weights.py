"""Arrays as a page carries them: base64 of their bytes, lowest first, as float32 or float16."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Precision = Literal["float32", "float16"]


def packed(
    tensors: Mapping[str, Tensor], precision: Precision = "float32"
) -> dict[str, dict[str, str]]:
    """Each tensor as a page reads it.

    >>> import torch
    >>> packed({"b": torch.tensor([1.0, -2.0])}, "float16")
    {'b': {'dtype': 'float16', 'data': 'ADwAwA=='}}
    """
    return {
        name: {"dtype": precision, "data": _base64(tensor, precision)}
        for name, tensor in tensors.items()
    }


def _base64(tensor: Tensor, precision: Precision) -> str:
    import numpy as np

    values = tensor.detach().cpu().numpy().astype(np.dtype(precision).newbyteorder("<"))
    return base64.b64encode(values.tobytes()).decode()
