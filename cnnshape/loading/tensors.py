"""Making one tensor from its description, with values that real layers accept."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from cnnshape.loading.dtypes import dtype_kind, torch_dtype
from cnnshape.loading.shapes import InputSpec


class TensorMaker:
    """Turns each :class:`InputSpec` into a tensor and leaves other values as they are.

    The values depend on ``seed`` and on how many tensors were made before, not on the
    device: they are drawn on the CPU from a generator of its own.

    >>> make = TensorMaker(torch.device("cpu"), torch.float32)
    >>> make(InputSpec((2, 3), dtype="int64")).tolist()
    [[1, 1, 1], [1, 1, 1]]
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, seed: int = 0) -> None:
        self.device = device
        self.dtype = dtype
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, value: Any) -> Any:
        """A tensor for a description, the given tensor on the device, or the value itself."""
        if isinstance(value, InputSpec):
            if value.tensors is not None:
                return [self._make(member) for member in value.tensors]
            return self._make(value)
        if isinstance(value, Tensor) and value.device != self.device:
            return value.to(self.device)
        return value

    def _make(self, spec: InputSpec) -> Tensor:
        shape = cast("tuple[int, ...]", spec.shape)
        dtype = self.dtype if spec.dtype is None else torch_dtype(spec.dtype)
        if self.device.type == "meta":
            return torch.empty(shape, dtype=dtype, device=self.device)
        kind = "float" if spec.dtype is None else dtype_kind(spec.dtype)
        with torch.device("cpu"):
            if dtype is torch.uint8:
                values = torch.randint(0, 256, shape, generator=self.generator, dtype=dtype)
            elif kind in {"int", "bool"}:
                values = torch.ones(shape, dtype=dtype)
            elif kind == "complex":
                values = torch.randn(shape, generator=self.generator, dtype=dtype)
            else:
                # Half and eighth precision have no generator of their own on every device.
                wide = torch.float64 if dtype is torch.float64 else torch.float32
                values = torch.randn(shape, generator=self.generator, dtype=wide).to(dtype)
        return values.to(self.device)
