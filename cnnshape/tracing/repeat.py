"""Running one model many times at different sizes, asking only whether it runs.

Nothing is recorded, and the model is put on its device once for all passes, so that a pass costs
little more than the model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from cnnshape.tracing.execute import Inputs, Mode, faked, swap_tensors
from cnnshape.tracing.preserve import preserved
from cnnshape.tracing.shortcuts import Shortcut, meta_shortcuts
from cnnshape.tracing.structure import named_tensors
from cnnshape.tracing.writing import shares_elements, written


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass: the shapes that came out, or what the model raised.

    A size that depends on the values is -1. ``doubtful``: an empty tensor came up on the way, or a
    function whose own checks meta leaves out, or something was written to where several elements
    are one number; a real run might refuse what this one accepted.
    """

    shapes: tuple[tuple[int, ...], ...]
    exception: BaseException | None
    doubtful: bool


class _Watch(TorchFunctionMode):
    """Answers slow functions at once, and notices what meta lets pass."""

    def __init__(self, shortcuts: Mapping[Any, Shortcut]) -> None:
        super().__init__()
        self._shortcuts = shortcuts
        self.doubtful = False

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one function."""
        kwargs = kwargs or {}
        shortcut = self._shortcuts.get(func)
        result = NotImplemented if shortcut is None else shortcut(*args, **kwargs)
        if result is NotImplemented:
            result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        empty = isinstance(result, torch.Tensor) and result.numel() == 0
        if empty or name in _LENIENT or shares_elements(written(name, args, kwargs, result)):
            self.doubtful = True
        return result


#: Functions that meta accepts at sizes which the CPU refuses, even where nothing is empty.
_LENIENT = frozenset("avg_pool3d lp_pool3d fractional_max_pool2d fractional_max_pool3d".split())


def _shortcuts() -> Mapping[Any, Shortcut]:
    """Those of a recording, but activations hand their argument on: nobody looks at it."""
    same = (
        *(F.relu, F.relu6, F.hardswish, F.hardsigmoid, F.leaky_relu, F.elu, F.gelu, F.silu),
        *(torch.relu, torch.tanh, torch.sigmoid, torch.Tensor.relu, torch.Tensor.tanh),
        torch.Tensor.sigmoid,
    )
    return {**meta_shortcuts(), **dict.fromkeys(same, _unchanged)}


def _unchanged(*args: Any, **_kwargs: Any) -> Any:
    x = args[0] if args else None
    ordinary = isinstance(x, torch.Tensor) and x.is_meta and x.is_floating_point()
    return x if ordinary else NotImplemented


@contextmanager
def repeated(
    model: nn.Module, *, device: str = "meta", mode: Mode = "eval"
) -> Generator[Callable[[Inputs], Pass]]:
    """Put ``model`` on ``device`` and yield a function that runs it. It is as before afterwards.

    Ctrl-C comes to whatever is let through inside: what uses the function, rather than each pass.

    >>> with repeated(nn.Conv2d(1, 6, 5)) as attempt:
    ...     good = attempt(Inputs((torch.empty(1, 1, 9, 9, device="meta"),)))
    ...     bad = attempt(Inputs((torch.empty(1, 1, 3, 3, device="meta"),)))
    >>> good.shapes, type(bad.exception).__name__
    (((1, 6, 5, 5),), 'RuntimeError')
    """
    every = tuple(model.modules())
    with ExitStack() as stack:
        stack.enter_context(preserved(every))
        for module in every:
            vars(module)["training"] = mode == "train"
        convert = stack.enter_context(faked(every) if device == "fake" else _moved(every, device))
        shortcuts = _shortcuts() if device == "meta" else {}

        def attempt(inputs: Inputs) -> Pass:
            watch = _Watch(shortcuts)
            inputs = inputs.to(convert)
            try:
                with watch:
                    output = model(*inputs.args, **(inputs.kwargs or {}))
            except Exception as error:  # noqa: BLE001 - whatever the model raises is a result
                return Pass((), error, watch.doubtful)
            shapes = tuple(_shape(tensor) for _, tensor in named_tensors("", output))
            return Pass(shapes, None, watch.doubtful)

        yield attempt


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(n if isinstance(n, int) else -1 for n in tensor.shape)  # pyright: ignore[reportUnnecessaryIsInstance]


@contextmanager
def _moved(
    modules: Sequence[nn.Module], device: str
) -> Generator[Callable[[torch.Tensor], torch.Tensor]]:
    """The model's tensors moved to a device, as the function yielded moves others."""
    target = torch.device(device)

    def convert(tensor: torch.Tensor) -> torch.Tensor:
        return tensor if tensor.device == target else tensor.to(target)

    swap_tensors(modules, convert, target)
    # On meta, a tensor that the forward makes itself must land where the others are.
    with target if device == "meta" else nullcontext():
        yield convert
