"""An argument of the author's own class: ``Net(emb_size=40)`` where 64 and 40 do not fit.

The class is built once more, by itself, with one number changed; that is tried only where building
it with the numbers that it has gives the same layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from cnnshape.analysis.diagnose.edits import RebuildOwn
from cnnshape.analysis.diagnose.failing import Failing, Operand
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.report import Suggestion
from cnnshape.experiments.fixes.layer_edits import built_own
from cnnshape.tracing.trace import Plain, Ref

#: A class whose modules hold more numbers is not built a second time.
_LARGEST = 8_000_000
#: So many numbers are tried for one failure.
_MOST = 6
#: With these a constructor fetches something.
_FETCHING = frozenset("pretrained weights checkpoint download url".split())


def other_arguments(model: nn.Module, failing: Failing) -> Iterator[Suggestion]:
    """The classes around the failure with a number that meets another there, innermost first."""
    numbers = list(_numbers(failing))
    proposed = 0
    for path in _around(failing.path):
        module = failing.trace.module(path)
        if module.builtin:
            continue
        own = model.get_submodule(path)
        given = arguments_of(own)
        if given is None:
            continue
        for name, value, better in _exchanges(given, numbers):
            if proposed == 0 and not _same_again(own, given):
                break
            proposed += 1
            if proposed > _MOST:
                return
            yield Suggestion(
                action="set_argument",
                text=f"{module.type}({name}={better})",
                path=path,
                argument=name,
                from_=value,
                to=better,
                edits=(RebuildOwn(path, tuple({**given, name: better}.items())),),
            )


def arguments_of(module: nn.Module) -> dict[str, Any] | None:
    """The arguments that a module was built with: its attributes of that name, or the defaults.

    None where one of them is not known, or where building fetches something.
    """
    try:
        parameters = inspect.signature(type(module).__init__).parameters
    except (TypeError, ValueError):
        return None
    found: dict[str, Any] = {}
    for name, parameter in list(parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        held = vars(module).get(name, parameter.default)
        if not _is_plain(held):
            held = parameter.default
        if held is parameter.empty or (name in _FETCHING and held):
            return None
        found[name] = held
    return found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | tuple)


def _same_again(module: nn.Module, given: Mapping[str, Any]) -> bool:
    """Whether the arguments that were found make the same layers."""
    if sum(p.numel() for p in module.parameters()) > _LARGEST:
        return False
    try:
        again = built_own(type(module), given)
    except Exception:  # noqa: BLE001 - the author's own code
        return False
    return _shapes(again) == _shapes(module)


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _around(path: str) -> Iterator[str]:
    yield path
    while path:
        path = path.rpartition(".")[0]
        yield path


def _numbers(failing: Failing) -> Iterator[int]:
    """The sizes that meet at the failing call, and the numbers that it was given."""
    for operand in failing.operands:
        for axis, size in enumerate(operand.shape):
            if not _came_in(failing, operand, axis):
                yield size
    if failing.operation is None:
        for named in failing.call.inputs if failing.call else ():
            yield from (n for n in failing.trace.shape(named.value) if isinstance(n, int))
        yield from (n for n in failing.module.config.values() if isinstance(n, int))
        return
    for argument in (*failing.operation.args, *failing.operation.kwargs.values()):
        yield from _plain_numbers(argument)


def _came_in(failing: Failing, operand: Operand, axis: int) -> bool:
    """Whether a size is one of the inputs' own, as the batch and the length of a sequence are."""
    start = story(failing.trace, operand.value.id, axis).start
    return start is not None and failing.trace.values[start[0]].origin == "input"


def _plain_numbers(argument: Plain) -> Iterator[int]:
    if isinstance(argument, tuple):
        for item in argument:
            yield from _plain_numbers(item)
    elif type(argument) is int and not isinstance(argument, Ref):
        yield argument


def _exchanges(given: Mapping[str, Any], numbers: list[int]) -> Iterator[tuple[str, int, int]]:
    """Arguments that stand at the failing call: first with a divisor, then another number there."""
    meeting = [n for n in dict.fromkeys(numbers) if n > 1]
    known = [(n, v) for n, v in given.items() if type(v) is int and v in meeting]
    for name, value in known:
        for size in (size for size in meeting if size > value and size % value):
            divisors = [n for n in range(2, size) if size % n == 0]
            for better in sorted(divisors, key=lambda n, v=value: abs(n - v))[:2]:
                yield name, value, better
    for name, value in known:
        yield from ((name, value, better) for better in meeting if better != value)
