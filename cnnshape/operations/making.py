"""Operations that make a tensor of written sizes, and take no number from another one.

Source: https://pytorch.org/docs/stable/torch.html#creation-ops and #random-sampling.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnshape.operations.axes import Account, Origin, Unknown, Written
from cnnshape.operations.call import Call, Unfit, unread
from cnnshape.operations.table import Table

MAKING = Table()


def _written(call: Call, name: str = "size") -> Account:
    return Account((tuple(Written(size) for size in call.sizes(name)),))


@MAKING.add("zeros ones empty rand randn empty_quantized", "making", "*size", source="torch.zeros")
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


@MAKING.add("arange range", "making", "*bounds start=None end=None step=None",
            source="torch.arange")  # fmt: skip
def arange(call: Call) -> Account:
    """``⌈(end − start)/step⌉`` numbers."""
    bounds = counted(call)
    if bounds is None:
        return Account(((Unknown(),),))
    start, end, step = bounds
    inclusive = 1 if call.spelled == "range" else 0
    count = (end - start + step - 1) // step if not inclusive else (end - start) // step + 1
    return Account(((Written(count),),))


def counted(call: Call) -> tuple[Any, Any, Any] | None:
    """Start, end and step of an ``arange``; None where they are no whole numbers.

    >>> from cnnshape.operations.call import Call
    >>> given = {"bounds": (2, 9), "start": None, "end": None, "step": None}
    >>> counted(Call("arange", given, None, "arange", given))
    (2, 9, 1)
    """
    bounds = call["bounds"]
    start, end, step = (call[name] for name in ("start", "end", "step"))
    if len(bounds) == 1 and end is None:
        end = bounds[0]
    elif len(bounds) == 1:
        start = bounds[0]
    elif bounds:
        start, end, step = (*bounds, step)[:3]
    numbers = (0 if start is None else start, end, 1 if step is None else step)
    if any(isinstance(n, float) or n is None for n in numbers) or numbers[2] == 0:
        return None
    if isinstance(numbers[2], int) and numbers[2] < 0:
        start, end, step = numbers
        return -start, -end, -step
    return numbers


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


@MAKING.add("tensor as_tensor asarray from_numpy frombuffer scalar_tensor new_tensor", "making",
            "*data", source="torch.tensor")  # fmt: skip
def from_data(call: Call) -> Account:
    """A tensor made of Python's numbers, whose sizes only the recording tells."""
    del call
    raise Unfit("made of data")
