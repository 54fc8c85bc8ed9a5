"""Operations that make a tensor of written sizes, and take no number from another one.

Source: https://pytorch.org/docs/stable/torch.html#creation-ops and #random-sampling.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

from cnnshape.formulas.algebra import Sum
from cnnshape.operations.axes import Account, Origin, Unknown, Written
from cnnshape.operations.call import Call, Operand, Signature, Unfit, unread
from cnnshape.operations.table import Entry, Table

MAKING = Table()


def _written(call: Call, name: str = "size") -> Account:
    return Account((tuple(Written(size) for size in call.sizes(name)),))


@MAKING.add("zeros ones empty rand randn", "making", "*size", source="torch.zeros")
def filled(call: Call) -> Account:
    """Filled with one number, with noise, or with nothing."""
    return _written(call)


@MAKING.add("full", "making", "size fill_value=0")
def full(call: Call) -> Account:
    """Filled with a number that is given."""
    return _written(call)


@MAKING.add("new_zeros new_ones new_empty", "making", "input *size",
            source="torch.Tensor.new_zeros")  # fmt: skip
def new_filled(call: Call) -> Account:
    """The same from a tensor whose dtype and device are taken."""
    return replace(_written(call), ended=unread(call.tensor()))


@MAKING.add("new_full", "making", "input size fill_value=0", source="torch.Tensor.new_full")
def new_full(call: Call) -> Account:
    """Filled with a number, with the dtype and device of a tensor."""
    return replace(_written(call), ended=unread(call.tensor()))


@MAKING.add("empty_strided", "making", "size stride")
@MAKING.add("empty_permuted", "making", "size physical_layout")
@MAKING.add("new_empty_strided", "making", "input size stride",
            source="torch.Tensor.new_empty_strided")  # fmt: skip
def strided(call: Call) -> Account:
    """Of these sizes, laid out by these strides."""
    return replace(_written(call), ended=unread(call.optional("input")))


@MAKING.add("randint", "making", "*bounds size=()")
def randint(call: Call) -> Account:
    """``randint(high, size)`` or ``randint(low, high, size)``."""
    if call["size"]:
        return _written(call)
    sizes = call["bounds"][-1]
    if not isinstance(sizes, tuple):
        raise Unfit("no size")
    items: tuple[Any, ...] = sizes
    return Account((tuple(Written(n) for n in items),))


@MAKING.add(
    "zeros_like ones_like empty_like full_like rand_like randn_like randint_like",
    "making",
    "input",
    source="torch.zeros_like",
)
def like(call: Call) -> Account:
    """Of another tensor's sizes."""
    return Account((call.tensor().all_kept(),), unread(call.tensor()))


@MAKING.add("arange", "making", "*bounds start=None end=None step=None")
def arange(call: Call) -> Account:
    """``⌈(end − start)/step⌉`` numbers."""
    limits = counted(call)
    if limits is None or limits[2] == 0:
        return Account(((Unknown(),),))
    start, end, step = limits
    kinds = {type(number) for number in limits}
    if {float, Sum} <= kinds:
        return Account(((Unknown(),),))
    if float in kinds:
        return Account(((Written(ceil((end - start) / step)),),))
    if isinstance(step, int) and step < 0:
        start, end, step = -start, -end, -step
    return Account(((Written((end - start + step - 1) // step),),))


@MAKING.add("range", "making", "start end step=1")
def range_(call: Call) -> Account:
    """As ``arange``, its end included."""
    return Account(((Written(int((call["end"] - call["start"]) / call["step"]) + 1),),))


def counted(call: Call) -> tuple[Any, Any, Any] | None:
    """Start, end and step of an ``arange``; None where they are no numbers.

    >>> given = {"bounds": (2, 9), "start": None, "end": None, "step": None}
    >>> counted(Call("arange", given, None, "arange", given))
    (2, 9, 1)
    """
    given = call["bounds"]
    start, end, step = (call[name] for name in ("start", "end", "step"))
    if len(given) == 1 and end is None:
        end = given[0]
    elif len(given) == 1:
        start = given[0]
    elif given:
        start, end, step = (*given, step)[:3]
    numbers = (0 if start is None else start, end, 1 if step is None else step)
    known = all(isinstance(number, int | float | Sum) for number in numbers)
    return numbers if known else None


@MAKING.add("linspace logspace", "making", "start end steps", source="torch.linspace")
def linspace(call: Call) -> Account:
    """As many numbers as steps."""
    return _written(call, "steps")


@MAKING.add("eye", "making", "n m=None")
def eye(call: Call) -> Account:
    """Ones on the diagonal of a matrix."""
    n = call.size("n")
    return Account(((Written(n), Written(n if call["m"] is None else call.size("m"))),))


@MAKING.add("randperm", "making", "n")
def randperm(call: Call) -> Account:
    """The numbers up to ``n`` in a random order."""
    return _written(call, "n")


@MAKING.add("hann_window hamming_window blackman_window bartlett_window kaiser_window", "making",
            "window_length", source="torch.hann_window")  # fmt: skip
def window(call: Call) -> Account:
    """A taper of so many numbers."""
    return _written(call, "window_length")


@MAKING.add("tril_indices triu_indices", "making", "row col offset=0", source="torch.tril_indices")
def triangle(call: Call) -> Account:
    """The places of a triangle of a matrix, a column each."""
    rows, columns = call.counts("row")[0], call.counts("col")[0]
    shift = int(call["offset"])
    below = sum(min(max(row + shift + 1, 0), columns) for row in range(rows))
    if call.spelled == "triu_indices":
        strictly = sum(min(max(row + shift, 0), columns) for row in range(rows))
        below = rows * columns - strictly
    sized = isinstance(call["row"], int) and isinstance(call["col"], int)
    count: Origin = Written(below) if sized else Unknown()
    return Account(((Written(2), count),))


@MAKING.add("tensor as_tensor asarray scalar_tensor", "making", "data|obj|s", source="torch.tensor")
def from_data(call: Call) -> Account:
    """Made of Python's numbers in lists, or of another tensor."""
    data = call["data"]
    if isinstance(data, Operand):
        return Account((data.all_kept(),))
    return Account((tuple(Written(size) for size in _nested(data)),))


@MAKING.add("new_tensor", "making", "input data", source="torch.Tensor.new_tensor")
def new_tensor(call: Call) -> Account:
    """The same, with the dtype and device of a tensor."""
    return replace(from_data(call), ended=unread(call.tensor()))


@MAKING.add("new", "making", "input first=0 *others", source="torch.Tensor.new_tensor")
def new(call: Call) -> Account:
    """The oldest way: of sizes, or with the numbers of another tensor.

    A tuple is not told: it has sizes if it is a ``torch.Size``, and numbers if it is a list.
    """
    if isinstance(call["first"], tuple):
        raise Unfit("sizes or numbers")
    if isinstance(call["first"], Operand):
        return Account((call["first"].all_kept(),))
    sizes = (*call.sizes("first"), *call.sizes("others"))
    return Account((tuple(map(Written, sizes)),), unread(call.tensor()))


# An array is recorded without its sizes.
MAKING.enter((Entry("from_numpy", "making", Signature("array"), source="torch.from_numpy"),))


def _nested(data: Any) -> tuple[int, ...]:
    """The sizes of lists in lists.

    >>> _nested(((1, 2, 3), (4, 5, 6))), _nested(2.5)
    ((2, 3), ())
    """
    if not isinstance(data, tuple):
        if not isinstance(data, int | float | complex):
            raise Unfit("not a number")
        return ()
    items: tuple[Any, ...] = data
    inner = {_nested(item) for item in items}
    if len(inner) > 1:
        raise Unfit("lists of different lengths")
    return (len(items), *(inner.pop() if inner else ()))
