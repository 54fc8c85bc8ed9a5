"""What each torch operation does: where axes go, how arguments are called, what it costs.

One table, read by everybody: by the size check, the symbolic sizes, the story of a size, the
receptive field, the multiply-accumulates, the words in tables and diagrams. An entry is found
under any spelling of its name and needs shapes and arguments only. Never imports torch.

>>> from cnnshape import operations
>>> x = operations.Operand.of(0, 8, 16, 5, 5)  # tensor number 0, of 8×16×5×5
>>> operations.account("flatten", (x, 1)).sizes
((8, 400),)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnshape.operations.axes import Account, Size
from cnnshape.operations.call import Call, Operand, Signature
from cnnshape.operations.decompositions import DECOMPOSITIONS
from cnnshape.operations.elementwise import ELEMENTWISE
from cnnshape.operations.indexing import INDEXING
from cnnshape.operations.joining import JOINING
from cnnshape.operations.losses import LOSSES
from cnnshape.operations.making import MAKING
from cnnshape.operations.moving import MOVING
from cnnshape.operations.products import PRODUCTS
from cnnshape.operations.quantized import quantized
from cnnshape.operations.recurrent import RECURRENT
from cnnshape.operations.reductions import REDUCTIONS
from cnnshape.operations.sampling import SAMPLING
from cnnshape.operations.spectra import SPECTRA
from cnnshape.operations.table import Axes, Entry, Family, Macs, Table
from cnnshape.operations.windows import WINDOWS

__all__ = ["TABLE", "Account", "Call", "Entry", "Operand", "account", "macs", "register"]

TABLE = Table()
_FAMILIES = (
    MOVING, JOINING, INDEXING, MAKING, WINDOWS, PRODUCTS, RECURRENT, ELEMENTWISE, REDUCTIONS,
    LOSSES, SPECTRA, SAMPLING, DECOMPOSITIONS,
)  # fmt: skip
for _family in _FAMILIES:
    TABLE.enter(_family)
TABLE.enter(quantized(TABLE))


def account(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
) -> Account | None:
    """Where the axes of an operation's results come from; None where that is not known.

    Args:
        name: the operation under any of its names.
        args: its arguments; tensors are :class:`Operand`, lists are tuples.
        kwargs: those given by name.
    """
    entry = TABLE.find(name)
    call = entry and entry.call(args, kwargs or {}, name)
    return entry and call and entry.account(call)


def macs(name: str, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Size:
    """An operation's multiply-accumulates; None where they are not known.

    >>> x, weight = Operand.of(0, 1, 1, 28, 28), Operand.of(1, 6, 1, 5, 5)
    >>> macs("conv2d", (x, weight), {"padding": 2})  # 28·28 positions × 6 filters × 5·5 weights
    117600
    """
    entry = TABLE.find(name)
    call = entry and entry.call(args, kwargs or {}, name)
    return None if entry is None or call is None else entry.count(call)


def register(
    name: str,
    signature: str,
    axes: Axes | None = None,
    *,
    macs: Macs | int | None = None,
    family: Family = "other",
    source: str = "",
) -> None:
    """Tell cnnshape what an operator of your own does.

    Args:
        name: as torch knows it, ``mylib::scale``.
        signature: its parameters, ``input factor=2``.
        axes: takes the :class:`Call`, gives the :class:`Account`; None where that is not known.
        macs: a number, or a function of the call; None where they are not known.
        family: what it has in common with other operations.
        source: where it is documented.

    >>> register("mylib::scale", "input factor=2", lambda c: Account((c.tensor().all_kept(),)))
    >>> account("mylib.scale", (Operand.of(0, 2, 3),)).sizes
    ((2, 3),)
    """
    plain = name.replace("::", ".")
    TABLE.enter((Entry(plain, family, Signature(signature), axes, macs, source=source),))
