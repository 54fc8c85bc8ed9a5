"""The table: one entry per torch operation, found under any of its spellings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from cnnshape.operations.axes import Account, Size, times
from cnnshape.operations.call import (
    Call,
    Signature,
    Unfit,
    in_letters,
    lettered,
    numbered,
    operands,
)

#: What the operations of a kind have in common, for words, colours and grouping.
Family: TypeAlias = Literal[
    "convolution", "pooling", "linear", "lookup", "attention", "recurrent", "norm", "activation",
    "elementwise", "arithmetic", "distance", "reduction", "loss", "copying", "moving", "joining",
    "splitting", "slicing", "indexing", "padding", "resizing", "shuffling", "making", "other",
]  # fmt: skip
Axes: TypeAlias = Callable[[Call], Account]
#: A size rule of :mod:`cnnshape.formulas` and the arguments with which it judges a call.
Rule: TypeAlias = Callable[[Call], "tuple[str, dict[str, Any]]"]
#: ``contracted``: every number of the result is a sum over what was contracted; ``filtered``: over
#: the kernel and the channels of its group.
Macs: TypeAlias = Callable[[Call], Size] | Literal["contracted", "filtered"]

#: Whether the values that arrive decide the sizes of a result.
Values: TypeAlias = "bool | Callable[[Call], bool]"

Dtypes: TypeAlias = Literal["any", "alike", "floating"]

#: What an entry raises where the arguments are of a kind that it does not know.
_UNUSUAL = (Unfit, TypeError, ValueError, IndexError, ZeroDivisionError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one operation.

    Attributes:
        name: the name it is found under.
        family: what it has in common with others.
        signature: its parameters; None where only its tensors matter.
        axes: where the axes of its results come from; None where nobody knows.
        macs: its multiply-accumulates by the papers' convention: a number, a function of the
            call, or None where they are unknown.
        rule: the size rule that judges it, if one does.
        source: its page in torch's documentation.
        everywhere: any position of a result may depend on every position of the inputs.
        values: its result's size depends on the values that arrive; a function where only some
            calls do (a mask as an index).
        operator: how Python writes it between its two tensors, ``+``; empty where it does not.
        dtypes: ``alike`` where all its tensors must have one dtype, ``floating`` where that must
            be of floating point besides.
    """

    name: str
    family: Family
    signature: Signature | None
    axes: Axes | None = None
    macs: Macs | int | None = 0
    rule: Rule | None = None
    source: str = ""
    everywhere: bool = False
    values: Values = False
    operator: str = ""
    dtypes: Dtypes = "any"

    def call(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        spelled: str = "",
        *,
        letters: bool = True,
    ) -> Call | None:
        """The arguments by name; None where they are not understood.

        ``letters``: there may be sizes in letters among them.
        """
        base, spatial = without_dimension(plain_name(spelled or self.name))
        if self.signature is None:
            named = (value for name, value in kwargs.items() if name != "out")
            tensors = tuple(operands((*args, *named)))
            bound = {"tensors": tensors}
            return Call(self.name, bound, spatial, base, bound)
        bound = self.signature.bind(args, kwargs)
        if bound is None:
            return None
        if not letters or not in_letters(bound):
            return Call(self.name, bound, spatial, base, bound)
        return Call(self.name, lettered(bound), spatial, base, numbered(bound))

    def account(self, call: Call) -> Account | None:
        """What the call does to the axes; None where that is not known."""
        if self.axes is None:
            return None
        try:
            return self.axes(call)
        except _UNUSUAL:
            return None

    def count(self, call: Call, account: Account | None = None) -> Size:
        """The call's multiply-accumulates; None where they are not known.

        A sparse tensor is multiplied where it holds numbers, and its shape does not tell where.
        ``account`` is that of the call, where it has been asked for before.
        """
        if any(tensor.sparse for tensor in call.tensors):
            return None
        if self.macs in ("contracted", "filtered"):
            account = account or self.account(call)
            if account is None or self.macs == "contracted":
                return account and account.products
            return times((*account.sizes[0], *call.tensor("weight").sizes[1:]))
        if not callable(self.macs):
            return self.macs
        try:
            return self.macs(call)
        except _UNUSUAL:
            return None

    def depends(self, call: Call) -> bool:
        """Whether the size of a result depends on the values that arrive."""
        return self.values(call) if callable(self.values) else self.values

    def sized(self, call: Call) -> tuple[str, dict[str, Any]] | None:
        """The size rule that judges the call and its arguments; None where there is none."""
        if self.rule is None:
            return None
        try:
            return self.rule(call)
        except _UNUSUAL:
            return None


class Table:
    """Entries by name. The one that everybody reads is :data:`cnnshape.operations.TABLE`."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._found: dict[str, Entry | None] = {}
        self._layers: dict[str, Entry] = {}

    def add(
        self,
        names: str,
        family: Family,
        signature: str | None = None,
        *,
        macs: Macs | int | None = 0,
        rule: Rule | None = None,
        source: str = "",
        everywhere: bool = False,
        values: Values = False,
        operator: str = "",
        dtypes: Dtypes = "any",
    ) -> Callable[[Axes], Axes]:
        """Enter the function below for every one of some names, separated by blanks."""

        def enter(axes: Axes) -> Axes:
            parsed = None if signature is None else Signature(signature)
            for name in names.split():
                page = source or f"torch.{name}"
                entry = Entry(
                    name, family, parsed, axes, macs, rule, page, everywhere, values, operator,
                    dtypes,
                )  # fmt: skip
                self.enter((entry,))
            return axes

        return enter

    def enter(self, entries: Iterable[Entry]) -> None:
        """Enter entries as they are."""
        for entry in entries:
            self._entries[entry.name] = entry
            self._layers[entry.name.replace("_", "").lower()] = entry
        self._found.clear()

    def find(self, name: str) -> Entry | None:
        """The entry of an operation under any spelling of its name; None if there is none."""
        if name not in self._found:
            self._found[name] = self._entry_of(name)
        return self._found[name]

    def _entry_of(self, name: str) -> Entry | None:
        plain = plain_name(name)
        spellings = (
            name,
            name.removeprefix("aten."),
            plain,
            without_dimension(plain)[0],
            plain.removesuffix("_copy"),  # as a view, whose result shares no memory
        )
        return next((self._entries[each] for each in spellings if each in self._entries), None)

    def behind(self, layer: str) -> Entry | None:
        """The entry of the function that a layer is named after; None if there is none.

        >>> table = Table()
        >>> table.enter((Entry("leaky_relu", "activation", None),))
        >>> table.behind("LeakyReLU").name
        'leaky_relu'
        """
        return self._layers.get(without_dimension(layer)[0].lower())

    def __iter__(self) -> Any:
        """Every entry."""
        return iter(self._entries.values())


_DIMENSION = re.compile(r"^(.*?)([123])d(_with_indices)?$")
_OVERLOAD = re.compile(r"^(aten\.|prims\.)?_*(?P<name>[A-Za-z]\w*?)_?(\.\w+)?$")


@cache
def plain_name(name: str) -> str:
    """The name without its overload, its namespace, and the marks of a writing or private form.

    >>> plain_name("conv2d.default"), plain_name("aten._unsafe_view.default"), plain_name("add_")
    ('conv2d', 'unsafe_view', 'add')
    """
    match = _OVERLOAD.match(name.strip("_"))
    return match["name"] if match else name


@cache
def without_dimension(name: str) -> tuple[str, int | None]:
    """The function without its dimension: ``conv2d`` is ``conv`` over 2 axes.

    >>> without_dimension("max_pool2d_with_indices"), without_dimension("linear")
    (('max_pool_with_indices', 2), ('linear', None))
    """
    match = _DIMENSION.match(name)
    return (match[1] + (match[3] or ""), int(match[2])) if match else (name, None)
