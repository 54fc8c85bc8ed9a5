"""A recorder whose ``x.shape`` tells the model sizes that remember where they were read."""

from __future__ import annotations

from typing import Any

import torch

from cnnshape.experiments.symbolic.traced_size import Guard, TracedSize
from cnnshape.formulas.algebra import letter
from cnnshape.tracing.recorder import Recorder

#: What a size that was read is called in expressions, until it is known: value 12, axis 2. No
#: letter of an input looks like it.
_NAME = "{}.{}"


def noting_guards(found: list[Guard]) -> type[SizeRecorder]:
    """A recorder that collects its guards in ``found``."""

    class NotingRecorder(SizeRecorder):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.guards = found

    return NotingRecorder


def axis_name(value: int, axis: int) -> str:
    """The letter that stands for one size of one recorded value."""
    return _NAME.format(value, axis)


class SizeRecorder(Recorder):
    """Records as :class:`Recorder` does, and hands out traced sizes.

    Arguments that were computed from sizes are recorded as :class:`TracedSize`, over the letters
    of :func:`axis_name`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guards: list[Guard] = []

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """As the recorder does, with sizes replaced by traced ones."""
        result = super().__torch_function__(func, types, args, kwargs)
        kind = type(result)
        if kind is torch.Size and args and isinstance(args[0], torch.Tensor):
            return self._traced_shape(args[0], result)
        if kind is int and args and isinstance(args[0], torch.Tensor):
            return self._traced_number(func, args, kwargs or {}, result)
        return result

    def _traced_shape(self, tensor: torch.Tensor, shape: torch.Size) -> torch.Size:
        value = self.values.lookup(tensor)
        if value is None or not shape:
            return shape
        return torch.Size([self._traced(value, axis, n) for axis, n in enumerate(shape)])

    def _traced(self, value: int, axis: int, number: int) -> TracedSize:
        return TracedSize.of(number, letter(axis_name(value, axis)), self.guards)

    def _traced_number(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], number: int
    ) -> int:
        name = getattr(func, "__name__", "")
        tensor = args[0]
        value = self.values.lookup(tensor)
        if value is None:
            return number
        if name == "size":
            axis = args[1] if len(args) > 1 else kwargs.get("dim")
            if isinstance(axis, int):
                return self._traced(value, int(axis) % tensor.dim(), number)
        if name in ("numel", "nelement"):
            with torch._C.DisableTorchFunction():  # noqa: SLF001 - reading is not an operation
                shape = tuple(tensor.shape)
            size = letter(axis_name(value, 0)) if shape else None
            if size is None:
                return number
            for axis in range(1, len(shape)):
                size = size * letter(axis_name(value, axis))
            return TracedSize.of(number, size, self.guards)
        return number
