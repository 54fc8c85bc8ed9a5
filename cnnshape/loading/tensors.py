"""Making tensors from their descriptions, with values that real layers accept."""

from __future__ import annotations

from math import prod
from typing import Any, cast

import torch
from torch import Tensor, nn

from cnnshape.errors import InputError, InputPlacementError, ShapeSyntaxError
from cnnshape.interrupts import held
from cnnshape.loading.dtypes import dtype_kind, parse_dtype, torch_dtype
from cnnshape.loading.inputs import ModelInputs
from cnnshape.loading.machine_memory import physical_memory
from cnnshape.loading.shapes import InputSpec
from cnnshape.messages import say
from cnnshape.words import listed


def make_tensors(
    inputs: ModelInputs,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    seed: int = 0,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make every described tensor; the same values each time, on every device.

    Floating ones are drawn from a normal distribution, integers are 1 (a valid index of any
    ``Embedding`` with two rows or more, a valid length for packing), ``uint8`` ones are
    pictures 0…255, booleans are True. The process's random generators are not used.
    Values that were given ready are moved to ``device`` if they are tensors.

    Args:
        inputs: their descriptions; values that are ready stay.
        device: any torch device; on ``meta`` no memory is used.
        dtype: for floating tensors whose description names none; float32 by default.
        seed: for other values.

    Raises:
        InputError: a size is a letter and has no number, or a tensor cannot be moved.

    >>> from cnnshape.loading.inputs import from_texts
    >>> args, kwargs = make_tensors(from_texts(["1,3,8,8", "mask=1,8:bool"]))
    >>> args[0].shape, kwargs["mask"].dtype
    (torch.Size([1, 3, 8, 8]), torch.bool)
    """
    if inputs.has_letters:
        raise InputError(
            say(
                "the size {letters} has no number: give numbers, as in 1,1,28,28",
                letters=listed(inputs.letters),
            )
        )
    if dtype is None or isinstance(dtype, str):
        dtype = torch_dtype(parse_dtype(dtype or "float32"))
    make = _TensorMaker(torch.device(device), dtype, seed)
    made = inputs.map(make)
    return made.args, dict(made.kwargs)


def model_dtype(module: nn.Module) -> str:
    """The canonical name of the model's floating dtype: that of its first such parameter.

    >>> model_dtype(nn.Linear(2, 2).double()), model_dtype(nn.ReLU())
    ('float64', 'float32')
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            name = str(tensor.dtype).removeprefix("torch.")
            try:
                return name if dtype_kind(parse_dtype(name)) == "float" else "float32"
            except ShapeSyntaxError:  # a storage format, such as float8_e8m0fnu
                return "float32"
    return "float32"


class _TensorMaker:
    """Turns each :class:`InputSpec` into a tensor and leaves other values as they are.

    The values depend on ``seed`` and on how many tensors were made before, not on the
    device: they are drawn on the CPU from a generator of its own.

    >>> make = _TensorMaker(torch.device("cpu"), torch.float32)
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
        return self._moved(value) if isinstance(value, Tensor) else value

    def _moved(self, value: Tensor) -> Tensor:
        try:
            return value if value.device == self.device else value.to(self.device)
        except Exception as error:  # a nested tensor, a subclass with rules of its own
            raise InputPlacementError(value, str(self.device), error) from error

    def _refuse_too_large(self, spec: InputSpec, size: int) -> None:
        """Say what torch would say in a traceback, or the system by ending the process."""
        memory = physical_memory()
        if size >= 2**63:
            raise InputError(
                say("the input {input} has more bytes than torch can count", input=spec)
            )
        if self.device.type != "meta" and memory is not None and size > memory:
            raise InputError(
                say(
                    "the input {input} takes {size:,.0f} GB, and this machine has {memory:,.0f} "
                    "GB; --device meta needs none",
                    input=spec,
                    size=size / 1000000000.0,
                    memory=memory / 1000000000.0,
                )
            )

    def _make(self, spec: InputSpec) -> Tensor:
        shape = cast("tuple[int, ...]", spec.shape)
        dtype = self.dtype if spec.dtype is None else torch_dtype(spec.dtype)
        self._refuse_too_large(spec, prod(shape) * dtype.itemsize)
        if self.device.type == "meta":
            return torch.empty(shape, dtype=dtype, device=self.device)
        try:
            return self._values(shape, dtype, spec).to(self.device)
        except RuntimeError as error:
            if "allocate memory" not in str(error):
                raise
            raise InputError(
                say("the input {input} takes more memory than there is left", input=spec)
            ) from error

    def _values(self, shape: tuple[int, ...], dtype: torch.dtype, spec: InputSpec) -> Tensor:
        kind = "float" if spec.dtype is None else dtype_kind(spec.dtype)
        with held(), torch.device("cpu"):
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
        return values
