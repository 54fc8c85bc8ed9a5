"""Holds what the table says of a call against what torch does with it.

The sizes are compared with the shapes of the real results. The origins are turned into one
question that can be measured: **which positions along axis ``a`` of operand ``i`` may each number
of the result come from?** :class:`Claim` answers it from the account; one of three instruments
answers it from real execution:

* ``positions``: operand ``i`` holds 1 + the position along its axis ``a``, every other operand 0.
  Each number of the result then tells its own position. For what moves, joins, picks or
  broadcasts numbers without computing.
* ``gradient``: which numbers change as those at one position of an axis do. For what computes:
  windows, products, reductions.
* ``variation``: marked as for ``positions``, every other operand 1. Numbers of which the account
  says the same must be equal. For what computes and has no gradient.

Every axis of every operand must be told of, whether it goes on or ends.

>>> judge(torch.flatten, torch.zeros(2, 3, 4), 1).sizes
((2, 12),)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from cnnshape import operations
from cnnshape.operations import Account, Operand
from cnnshape.operations.axes import (
    AxisOf,
    Broadcast,
    Chosen,
    Joined,
    Kept,
    Merged,
    Origin,
    Part,
    Unknown,
    Windowed,
)

Instrument = Literal["positions", "gradient", "variation", "sizes"]
Tensor = torch.Tensor


def judge(
    function: Callable[..., Any],
    *args: Any,
    by: Instrument = "positions",
    exact: bool = True,
    name: str | None = None,
    **kwargs: Any,
) -> Account:
    """The table's account of a call, after it has been found right.

    Args:
        function: torch's own; its name is looked up in the table, unless ``name`` is given.
        args: its arguments. Tensors of floats give shapes only, and are filled here; those of
            whole numbers and booleans (indices, masks) and parameters are taken as they are.
        by: how the origins are measured; ``sizes`` leaves them unmeasured.
        exact: a number comes from all the positions that the account allows, and numbers of
            which it says different things differ; else they only may (a maximum, a mask, a step).
        name: the operation's name in the table.
        kwargs: the arguments that are given by name.
    """
    run = Run(function, args, kwargs)
    account = account_of(name or spelling(function), run)
    real = run()
    assert len(account.results) == len(real), f"there are {len(real)} results"
    for origins, result in zip(account.results, real, strict=True):
        _compare_sizes(origins, tuple(result.shape))
    for need in account.needs:
        left, right = need.left, need.right
        assert left is None or right is None or _holds(left, need.relation, right), need
    for number, tensor in enumerate(run.tensors) if by != "sizes" else ():
        if tensor.is_floating_point() and not isinstance(tensor, torch.nn.Parameter):
            for claim in _claims(account, run, number):
                _INSTRUMENTS[by](run, claim, exact)
    return account


def account_of(name: str, run: Run) -> Account:
    """What the table says of a call."""
    account = operations.account(name, run.plain(run.args), run.plain(run.kwargs))
    assert account is not None, f"{name} is not known, or not with these arguments"
    return account


def spelling(function: Any) -> str:
    """The name under which torch itself knows a function."""
    overload = isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket)
    return str(function) if overload else function.__name__


def faces(name: str) -> list[Callable[..., Any]]:
    """Everything in torch that bears a name: function, method, attribute, operator of aten.

    >>> len(faces("flatten")), len(faces("T")), len(faces("conv2d"))
    (3, 1, 3)
    """
    rooms = (torch, torch.nn.functional, torch.Tensor, torch.ops.aten)
    found = [getattr(room, name) for room in rooms if callable(getattr(room, name, None))]
    if inspect.isdatadescriptor(getattr(torch.Tensor, name, None)):
        found.append(lambda x: getattr(x, name))
        found[-1].__name__ = name
    return found or [getattr(torch.ops.aten, f"_{name}")]


def _holds(left: Any, relation: str, right: Any) -> bool:
    return left == right if relation == "==" else left >= right


def _compare_sizes(origins: tuple[Origin, ...], shape: tuple[int, ...]) -> None:
    sizes = tuple(origin.size for origin in origins)
    assert len(sizes) == len(shape), f"{sizes} is {shape} in reality"
    for origin, size in zip(origins, shape, strict=True):
        left_open = isinstance(origin, Unknown) and origin.size is None
        assert left_open or origin.size == size, f"{sizes} is {shape} in reality"


# ---- a call of torch ----------------------------------------------------------------------


class Run:
    """A function of torch and its arguments, whose tensors can be exchanged."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.tensors: list[Tensor] = []
        for tensor in tensors_of((args, kwargs)):
            if not any(tensor is other for other in self.tensors):
                self.tensors.append(tensor)

    def __call__(self, *tensors: Tensor) -> list[Tensor]:
        """The results with other tensors in the place of those given, of the same random draw."""
        exchanged = tensors or [tensor.detach().clone() for tensor in self.tensors]

        def place(tensor: Tensor) -> Tensor:
            return exchanged[self.number(tensor)]

        args, kwargs = _mapped(self.args, place), _mapped(self.kwargs, place)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return list(tensors_of(self.function(*args, **kwargs)))

    def number(self, tensor: Tensor) -> int:
        """Which of the call's tensors it is."""
        return next(n for n, other in enumerate(self.tensors) if other is tensor)

    def plain(self, arguments: Any) -> Any:
        """Arguments as the table takes them: operands for tensors, tuples for lists."""
        return _mapped(arguments, self._operand, plain=True)

    def _operand(self, tensor: Tensor) -> Operand:
        shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        parameter = isinstance(tensor, torch.nn.Parameter)
        return Operand(self.number(tensor), shape, shape, dtype, parameter)

    def filled(self, number: int, values: Tensor, others: float) -> list[Tensor]:
        """The call's tensors with values in the place of one, and the other floats all equal."""
        return [
            values.expand(tensor.shape).to(tensor.dtype).clone()
            if n == number
            else torch.full_like(tensor, others)
            if tensor.is_floating_point()
            else tensor.clone()
            for n, tensor in enumerate(self.tensors)
        ]


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Every tensor inside a value, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_of(item)


def _mapped(value: Any, change: Callable[[Tensor], Any], *, plain: bool = False) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        items = [_mapped(item, change, plain=plain) for item in value]
        return items if isinstance(value, list) and not plain else tuple(items)
    if isinstance(value, dict):
        return {key: _mapped(item, change, plain=plain) for key, item in value.items()}
    if plain and value is Ellipsis:
        return "..."
    if plain and isinstance(value, torch.dtype | torch.device):
        return str(value)
    return value


# ---- what the account says ----------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """Where the numbers of one result may come from along one axis of an operand.

    Attributes:
        result: which of the results.
        source: the operand's axis.
        seen: booleans of the result's shape × the axis's size; what is mixed counts as seen.
        apart: the same, where a position that goes on is told from the others with which it was
            mixed.
        free: the positions are picked by values, so no number can be told from another.
    """

    result: int
    source: AxisOf
    seen: Tensor
    apart: Tensor
    free: bool


def _claims(account: Account, run: Run, number: int) -> Iterator[Claim]:
    axes = [AxisOf(number, axis) for axis in range(run.tensors[number].ndim)]
    for index, origins in enumerate(account.results):
        if not any(isinstance(origin, Unknown) for origin in origins):
            claims = [_claim(account, run, index, axis) for axis in axes]
            # In the padding, or among another tensor's numbers, nothing of this one is seen.
            nothing = [~claim.seen.any(-1, keepdim=True) for claim in claims]
            for claim in claims:
                for empty in nothing:
                    claim.seen[empty.expand_as(claim.seen)] = False
            yield from claims


def _claim(account: Account, run: Run, result: int, source: AxisOf) -> Claim:
    origins = account.results[result]
    shape = tuple(origin.size for origin in origins)
    n = run.tensors[source.tensor].shape[source.axis]
    seen = torch.ones(*shape, n, dtype=torch.bool)
    carriers = [axis for axis, origin in enumerate(origins) if source in origin.sources]
    for axis in carriers:
        there = [1] * len(shape) + [n]
        there[axis] = shape[axis]
        seen &= _rows(origins[axis], source, run.tensors).reshape(there)
    ends = [end for end in account.ended if source in end.axes and end.result in (None, result)]
    assert carriers or ends, f"axis {source.axis} of operand {source.tensor} is forgotten"
    for end in ends:
        if end.how == "unread":
            seen[:] = False
        if end.how == "picked" and end.position is not None:
            seen &= torch.arange(n) == end.position % n
    mixed = any(end.how == "mixed" for end in ends)
    free = any(isinstance(origins[axis], Chosen) for axis in carriers)
    return Claim(result, source, torch.ones_like(seen) if mixed else seen.clone(), seen, free)


def _rows(origin: Origin, source: AxisOf, tensors: Sequence[Tensor]) -> Tensor:
    """For every position of a result's axis, the positions of a source that it may hold."""
    n, size = tensors[source.tensor].shape[source.axis], origin.size
    assert isinstance(size, int)
    here, there = torch.arange(size)[:, None], torch.arange(n)
    if isinstance(origin, Kept):
        return here == there
    if isinstance(origin, Part):
        assert isinstance(origin.inner, int)
        return (there // origin.inner) % size == here
    if isinstance(origin, Broadcast):
        return here == there if n == size else torch.ones(size, n, dtype=torch.bool)
    if isinstance(origin, Joined):
        return _joined(origin, source, tensors)
    if isinstance(origin, Merged):
        return _merged(origin, source, tensors)
    if isinstance(origin, Windowed):
        return _under_window(origin, here, there, n)
    assert isinstance(origin, Chosen)
    if origin.by is not None and tensors[origin.by.tensor].ndim == 1:
        return tensors[origin.by.tensor][:, None] % n == there
    return torch.ones(size, n, dtype=torch.bool)


def _joined(origin: Joined, source: AxisOf, tensors: Sequence[Tensor]) -> Tensor:
    """One after another."""
    n = tensors[source.tensor].shape[source.axis]
    sizes = [tensors[each.tensor].shape[each.axis] for each in origin.sources]
    pieces = [
        torch.eye(n) if each == source else torch.zeros(size, n)
        for each, size in zip(origin.sources, sizes, strict=True)
    ]
    return torch.cat(pieces).bool()


def _merged(origin: Merged, source: AxisOf, tensors: Sequence[Tensor]) -> Tensor:
    """Row-major: the last part's position goes fastest."""
    n, size = tensors[source.tensor].shape[source.axis], origin.size
    assert isinstance(size, int)
    result = torch.ones(size, n, dtype=torch.bool)
    inner = 1
    for part in reversed(origin.parts):
        assert isinstance(part.size, int)
        if source in part.sources:
            rows = _rows(part, source, tensors)
            result &= rows[(torch.arange(size) // inner) % part.size]
        inner *= part.size
    return result


def _under_window(origin: Windowed, here: Tensor, there: Tensor, n: int) -> Tensor:
    """The positions under each window, by the definition of the operation in torch's pages."""
    size, given = origin.size, dict(origin.arguments)
    kernel, padding = given.get("kernel_size", 1), given.get("padding", 0)
    dilation, stride = given.get("dilation", 1), given.get("stride")
    if stride is None:
        stride = 1 if origin.rule.startswith("conv") else kernel
    if padding == "same":
        padding = dilation * (kernel - 1) // 2
    if origin.rule == "slice" and given["start"] is None:
        return torch.ones(size, n, dtype=torch.bool)
    if origin.rule == "slice":
        return there == given["start"] + here * given["step"]
    if origin.rule in ("conv", "max_pool", "avg_pool", "lp_pool"):
        return _taps(there - (here * stride - padding), kernel, dilation)
    if origin.rule in ("conv_transpose", "max_unpool"):
        return _taps(here - (there * stride - padding), kernel, dilation)
    if origin.rule == "adaptive_pool":
        return (there >= here * n // size) & (there < -((-(here + 1) * n) // size))
    if origin.rule == "pad":
        return there == _padded(here - given["before"], n, given["mode"])
    assert origin.rule in ("upsample", "fractional_pool"), origin.rule
    reach = kernel * n / size if origin.rule == "fractional_pool" else 2.5 * max(1, n / size)
    return ((here + 0.5) * (n / size) - 0.5 - there).abs() <= reach


def _taps(distance: Tensor, kernel: int, dilation: int) -> Tensor:
    return (distance >= 0) & (distance < kernel * dilation) & (distance % dilation == 0)


def _padded(position: Tensor, n: int, mode: str) -> Tensor:
    if mode == "circular":
        return position % n
    if mode == "reflect":
        return (n - 1) - ((n - 1) - position.abs()).abs()
    return position.clamp(0, n - 1) if mode == "replicate" else position


# ---- the instruments ----------------------------------------------------------------------


def _by_positions(run: Run, claim: Claim, exact: bool) -> None:
    results = run(*_marked(run, claim.source, others=0))
    result = results[claim.result]
    indices = not result.is_floating_point() and any(r.is_floating_point() for r in results)
    if not indices:  # those beside a sorted tensor are no marks
        n = claim.seen.shape[-1]
        arrived = result[..., None] == torch.arange(1, n + 1)
        assert (arrived.any(-1) | (result == 0)).all(), f"not a mark: {result}"
        only_one = claim.seen.sum(-1, keepdim=True) == 1
        _compare(claim, arrived, claim.seen, exact, where=only_one)


def _by_gradient(run: Run, claim: Claim, exact: bool) -> None:
    before = _random(run)
    results = run(*before)
    if results[claim.result].is_floating_point():
        changed = [
            run(*_changed_at(before, claim.source, position))[claim.result]
            for position in range(claim.seen.shape[-1])
        ]
        close = [
            torch.isclose(result, results[claim.result], rtol=1e-9, atol=0, equal_nan=True)
            for result in changed
        ]
        arrived = ~torch.stack(close, -1) if close else torch.zeros_like(claim.seen)
        _compare(claim, arrived, claim.seen, exact)


def _by_variation(run: Run, claim: Claim, exact: bool) -> None:
    if claim.free:
        return
    result = run(*_marked(run, claim.source, others=1))[claim.result]
    labels = claim.apart.reshape(-1, claim.apart.shape[-1]).unique(dim=0, return_inverse=True)[1]
    groups = [result.flatten()[labels == label] for label in labels.unique()]
    for group in groups:
        assert torch.allclose(group, group[:1], equal_nan=True), f"{claim.source} varies: {group}"
    if exact and len(groups) > 1:
        firsts = torch.stack([group[0] for group in groups])
        assert len(firsts.unique()) > 1, f"{claim.source} does not vary: {firsts}"


_INSTRUMENTS: dict[str, Callable[[Run, Claim, bool], None]] = {
    "positions": _by_positions,
    "gradient": _by_gradient,
    "variation": _by_variation,
}


def _marked(run: Run, source: AxisOf, others: float) -> list[Tensor]:
    tensor = run.tensors[source.tensor]
    along = [1] * tensor.ndim
    along[source.axis] = tensor.shape[source.axis]
    marks = torch.arange(1, tensor.shape[source.axis] + 1).reshape(along)
    return run.filled(source.tensor, marks, others)


def _compare(
    claim: Claim, arrived: Tensor, seen: Tensor, exact: bool, where: Tensor | None = None
) -> None:
    """Nothing arrives that the account does not allow; where it is exact, all of it does."""
    what = f"result {claim.result}, axis {claim.source.axis} of operand {claim.source.tensor}"
    assert not (arrived & ~seen).any(), f"{what}: seen\n{seen.int()}\narrived\n{arrived.int()}"
    if exact:
        missing = seen & ~arrived if where is None else seen & ~arrived & where
        assert not missing.any(), f"{what}: seen\n{seen.int()}\narrived\n{arrived.int()}"


def _random(run: Run) -> list[Tensor]:
    """The call's tensors, those of floats filled with positive numbers."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.5
        if tensor.is_floating_point()
        else tensor.clone()
        for tensor in run.tensors
    ]


def _changed_at(before: Sequence[Tensor], source: AxisOf, position: int) -> list[Tensor]:
    """The same with other numbers at one position of an axis."""
    tensors = [tensor.clone() for tensor in before]
    part = tensors[source.tensor].select(source.axis, position)
    part *= 1.5 + torch.arange(part.numel()).reshape(part.shape) / (7 * max(part.numel(), 1))
    return tensors
