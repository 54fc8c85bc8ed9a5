"""One call of an operation: its arguments by name, and its tensors by their sizes.

torch's functions are written in C++ and have no Python signature to ask, so an entry of the
table has a :class:`Signature`, in the order and with the defaults of torch's documentation.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.operations.axes import AxisOf, Ended, Kept, Origin, Size

_REQUIRED: Final = object()


class Unfit(Exception):  # noqa: N818 - not an error: it says that this call is not understood
    """The arguments are of a kind that the entry does not know."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor among the arguments.

    Attributes:
        tensor: the number by which whoever asks knows it.
        sizes: its shape; expressions where it depends on letters, None where unknown.
        shape: its shape in numbers, as they were in one run. What cannot be decided on letters
            (which axes have size 1, where a slice ends) is decided on these.
        dtype: ``float32``, ``bool``, …; empty where nobody asks.
        parameter: it is a parameter or buffer, or made of these alone.
        sparse: it holds only some of its numbers, nobody knows how many.
    """

    tensor: int
    sizes: tuple[Size, ...]
    shape: tuple[int, ...]
    dtype: str = ""
    parameter: bool = False
    sparse: bool = False

    @classmethod
    def of(cls, tensor: int, *shape: int, dtype: str = "float32") -> Operand:
        """A tensor whose sizes are plain numbers."""
        return cls(tensor, shape, shape, dtype)

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def axes(self) -> tuple[AxisOf, ...]:
        """All its axes."""
        return tuple(AxisOf(self.tensor, axis) for axis in range(self.rank))

    def axis(self, axis: int) -> AxisOf:
        """One of its axes, counted from the end where negative."""
        return AxisOf(self.tensor, axis % self.rank)

    def kept(self, axis: int) -> Kept:
        """One of its axes, unchanged."""
        return Kept(AxisOf(self.tensor, axis % self.rank), self.sizes[axis])

    def all_kept(self, start: int = 0, stop: int | None = None) -> tuple[Origin, ...]:
        """Its axes from ``start`` to ``stop``, unchanged."""
        chosen = range(*slice(start, stop).indices(self.rank))
        return tuple([Kept(AxisOf(self.tensor, axis), self.sizes[axis]) for axis in chosen])


def unread(*tensors: Operand | None) -> tuple[Ended, ...]:
    """Said of tensors of which only the sizes (or the dtype) were asked for.

    >>> [end.how for end in unread(Operand.of(0, 2, 3), None)]
    ['unread']
    """
    return tuple(
        Ended(tuple(tensor.axis(axis) for axis in range(tensor.rank)), "unread")
        for tensor in tensors
        if tensor is not None
    )


class Signature:
    """The parameters of a function: ``input kernel_size stride=None *sizes dim|axis=0``.

    ``a|b`` are two names of one parameter; ``*sizes`` takes what is left, given one by one or as
    one sequence.
    """

    __slots__ = ("_defaults", "_names", "_positional", "_rest")

    def __init__(self, text: str) -> None:
        self._defaults: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._positional: list[str] = []
        self._rest: str | None = None
        for word in text.split():
            names, equals, default = word.partition("=")
            first, *others = names.lstrip("*").split("|")
            self._names |= dict.fromkeys((first, *others), first)
            if names.startswith("*"):
                self._rest = first
                self._defaults[first] = ()
            else:
                if self._rest is None:  # what follows the rest is given by name alone
                    self._positional.append(first)
                self._defaults[first] = ast.literal_eval(default) if equals else _REQUIRED

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters in order, each under its first name.

        >>> Signature("input dim|axis=-1").names
        ('input', 'dim')
        """
        return tuple(self._defaults)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments by name, defaults included; None where one that is needed is missing.

        Arguments that the signature does not name do not matter to the sizes, and are left out.

        >>> Signature("input *sizes").bind(("x", 2, -1), {})
        {'input': 'x', 'sizes': (2, -1)}
        >>> Signature("input dim|axis=-1").bind(("x",), {"axis": 1})
        {'input': 'x', 'dim': 1}
        """
        bound = dict(self._defaults)
        bound.update(zip(self._positional, args, strict=False))
        if self._rest is not None and len(args) > len(self._positional):
            rest = tuple(args[len(self._positional) :])
            bound[self._rest] = _spread(rest)
        for key, value in kwargs.items():
            name = "input" if key == "self" else self._names.get(key)
            if name is not None:
                bound[name] = _spread((value,)) if name == self._rest else value
        return None if any(value is _REQUIRED for value in bound.values()) else bound


def _spread(rest: tuple[Any, ...]) -> tuple[Any, ...]:
    """The numbers of ``view(2, 3)`` and ``view((2, 3))`` alike."""
    if len(rest) == 1 and isinstance(rest[0], tuple):
        inner: tuple[Any, ...] = rest[0]
        return inner
    return rest


@dataclass(frozen=True, slots=True)
class Sized:
    """A number among the arguments that followed from letters of the input, with its expression."""

    number: int
    size: Sum


def in_letters(value: Any) -> bool:
    """Whether there is a :class:`Sized` among some arguments.

    >>> from cnnshape.formulas.algebra import letter
    >>> in_letters({"size": (2, Sized(14, letter("H")))}), in_letters({"size": (2, 14)})
    (True, False)
    """
    if isinstance(value, Sized):
        return True
    if not isinstance(value, tuple | dict | slice):
        return False
    if isinstance(value, slice):
        return any(map(in_letters, (value.start, value.stop, value.step)))
    items: Iterable[Any] = value.values() if isinstance(value, dict) else value
    return any(map(in_letters, items))


def lettered(value: Any) -> Any:
    """Arguments with expressions in the place of :class:`Sized`."""
    return _replaced(value, lambda sized: sized.size)


def numbered(value: Any) -> Any:
    """Arguments with plain numbers in the place of :class:`Sized`.

    >>> from cnnshape.formulas.algebra import letter
    >>> numbered((2, Sized(14, letter("H")))), lettered((2, Sized(14, letter("H"))))
    ((2, 14), (2, Sum('H')))
    """
    return _replaced(value, lambda sized: sized.number)


def _replaced(value: Any, chosen: Callable[[Sized], Any]) -> Any:
    if isinstance(value, Sized):
        return chosen(value)
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return tuple(_replaced(item, chosen) for item in items)
    if isinstance(value, dict):
        pairs: dict[str, Any] = value
        return {key: _replaced(item, chosen) for key, item in pairs.items()}
    if isinstance(value, slice):
        edges = (value.start, value.stop, value.step)
        return slice(*(_replaced(edge, chosen) for edge in edges))
    return value


@dataclass(frozen=True, slots=True)
class Call:
    """An operation's bound arguments; tensors are :class:`Operand`.

    Attributes:
        name: the entry's name.
        arguments: by the names of the entry's signature; sizes may be expressions.
        spatial: 2 for ``conv2d``; None where the name does not tell.
        spelled: the name under which it was called (``hstack``, ``amax``).
        numbers: the same arguments as plain numbers, as they were in one run.
    """

    name: str
    arguments: Mapping[str, Any]
    spatial: int | None
    spelled: str
    numbers: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """An argument by its name."""
        return self.arguments[name]

    def tensor(self, name: str = "input") -> Operand:
        """A tensor argument.

        Raises:
            Unfit: it is no tensor.
        """
        value = self.arguments[name]
        if not isinstance(value, Operand):
            raise Unfit(f"{name} is no tensor")
        return value

    def optional(self, name: str) -> Operand | None:
        """A tensor argument that may be left out."""
        value = self.arguments.get(name)
        return value if isinstance(value, Operand) else None

    @property
    def tensors(self) -> tuple[Operand, ...]:
        """Every tensor among the arguments in their order, those inside lists included."""
        return tuple(operands(self.arguments.values()))

    def axis(self, name: str, rank: int) -> int:
        """An axis, counted from the front.

        Raises:
            Unfit: it is no number.
        """
        value = self.arguments[name]
        if not isinstance(value, int) or isinstance(value, bool) or not rank:
            raise Unfit(f"{name} is no axis")
        return int(value) % rank

    def axes(self, name: str, rank: int) -> tuple[int, ...]:
        """Several axes, counted from the front; none at all where the argument is None or ().

        Raises:
            Unfit: they are no numbers.
        """
        value = self.arguments[name]
        items = value if isinstance(value, tuple) else () if value is None else (value,)
        if any(not isinstance(item, int) or isinstance(item, bool) for item in items):
            raise Unfit(f"{name} are no axes")
        return tuple(int(item) % rank for item in items) if rank else ()

    def size(self, name: str) -> Whole:
        """One size.

        Raises:
            Unfit: it is no size (a tensor, a dtype).
        """
        return self.sizes(name)[0]

    def sizes(self, name: str) -> tuple[Whole, ...]:
        """Several sizes, or one as a tuple of one.

        Raises:
            Unfit: one of them is no size (a tensor, a dtype).
        """
        value = self.arguments[name]
        items = value if isinstance(value, tuple) else (value,)
        if any(not isinstance(item, int | Sum) or isinstance(item, bool) for item in items):
            raise Unfit(f"{name} are no sizes")
        return items

    def counts(self, name: str) -> tuple[int, ...]:
        """The same sizes as the plain numbers of one run."""
        value = self.numbers[name]
        return value if isinstance(value, tuple) else (value,)


def operands(arguments: Any) -> Iterator[Operand]:
    """Every tensor inside some arguments, those in tuples and dicts included."""
    for argument in arguments:
        if isinstance(argument, Operand):
            yield argument
        elif isinstance(argument, tuple):
            yield from operands(argument)
        elif isinstance(argument, dict):
            yield from operands(argument.values())
