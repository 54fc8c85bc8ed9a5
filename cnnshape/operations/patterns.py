"""What an operation does to axes in einops' notation: ``n c h w -> n (c h w)``.

It is read off the :class:`~cnnshape.operations.axes.Account` of a call, and never guessed: where
the table does not tell where an axis comes from, or where einops has no word for it, the pattern
says so. Source: https://einops.rocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Broadcast,
    Kept,
    Merged,
    Origin,
    Part,
    Unknown,
    Windowed,
    Written,
)
from cnnshape.operations.call import Call, Operand
from cnnshape.operations.table import Entry

#: A name for each axis of a tensor; None for one of size 1 that has none.
Names = tuple["str | None", ...]

#: torch's reduction → einops' name of it.
_REDUCTIONS = {
    "mean": "mean", "sum": "sum", "prod": "prod", "any": "any", "all": "all",
    "amax": "max", "amin": "min", "max": "max", "min": "min",
}  # fmt: skip
_POOLS = {"max_pool": "max", "avg_pool": "mean", "adaptive_max_pool": "max",
          "adaptive_avg_pool": "mean"}  # fmt: skip
_PRODUCTS = frozenset({"matmul", "linalg_matmul", "mm", "bmm", "mv", "dot", "inner", "rmatmul"})
#: What goes by the sizes alone.
_REGROUPING = frozenset({"view", "view_as", "unflatten"})
#: More tensors than this are called ``xs``.
_MOST_TENSORS = 4
_TENSORS = ("x", "y", "z", "w")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one call did to the axes.

    Attributes:
        pattern: both sides, ``n (g c) -> n g c``.
        einops: the call that gives the same numbers, where there is one: its tensors are ``x``,
            ``y``, ``z``, or ``xs`` where there are many.
        note: why there is none, or what it gives.
    """

    pattern: str
    einops: str | None = None
    note: str = ""

    def to_dict(self) -> dict[str, str | None]:
        """JSON values."""
        return {"pattern": self.pattern, "einops": self.einops, "note": self.note or None}


class _Cannot(Exception):  # noqa: N818 - no error: einops has no word for it
    """The call has no pattern; the text says why."""


def pattern_of(
    entry: Entry, call: Call, account: Account, names: Mapping[int, Names]
) -> Pattern | None:
    """The pattern of a call that moves, joins, cuts, repeats, sums or multiplies axes.

    Args:
        entry: what the table knows of the operation.
        call: its arguments.
        account: what it does.
        names: the axes' names of each tensor, see :func:`spread`.

    Returns:
        None where the call is of another kind, or leaves every axis as it is.
    """
    kind = _kind(entry, call)
    if kind is None or any(0 in tensor.shape for tensor in call.tensors):
        return None
    try:
        return kind(_Call(call, account, {t.tensor: _named(t, names) for t in call.tensors}))
    except _Cannot as reason:
        return None if not str(reason) else _left_alone(call, names, str(reason))


@dataclass(frozen=True, slots=True)
class _Call:
    """One call with the names of its axes."""

    call: Call
    account: Account
    names: Mapping[int, Names]

    @property
    def x(self) -> Operand:
        return self.call.tensors[0]

    @property
    def tensors(self) -> tuple[Operand, ...]:
        return self.call.tensors

    def of(self, tensor: Operand) -> tuple[str, ...]:
        """The names of a tensor's axes; ``1`` for one that has none."""
        return tuple(name or "1" for name in self.names[tensor.tensor])

    @property
    def result(self) -> tuple[Origin, ...]:
        return self.account.results[0]


def _kind(entry: Entry, call: Call) -> Callable[[_Call], Pattern] | None:
    name = entry.name
    if name == "einsum":
        return _einsum
    if name in _PRODUCTS:
        return _product
    if entry.family == "splitting":
        return _unbound if name == "unbind" else _split
    if name in ("cat", "concat", "concatenate"):
        return _joined
    if name == "stack":
        return _stacked
    if entry.family == "reduction":
        return _reduced if len(call.tensors) == 1 and name != "aminmax" else None
    if name in _POOLS:
        return _pooled
    return _moved if entry.family in ("moving", "shuffling") and len(call.tensors) == 1 else None


# ---- the names of axes ------------------------------------------------------------------------


def _named(tensor: Operand, names: Mapping[int, Names]) -> Names:
    """A name for each axis, every one of them once."""
    given = names.get(tensor.tensor) or usual_names(tensor.rank)
    if len(given) != tensor.rank:
        given = usual_names(tensor.rank)
    taken: set[str] = set()
    found: list[str | None] = []
    for name, size in zip(given, tensor.shape, strict=True):
        found.append(None if name is None and size == 1 else _fresh(name or "a", taken))
    return tuple(found)


def _fresh(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken already."""
    base = name.rstrip("0123456789") or name
    if name in taken:
        name = next(each for n in count(2) if (each := f"{base}{n}") not in taken)
    taken.add(name)
    return name


def usual_names(rank: int) -> Names:
    """The letters of tensors whose axes nobody named: batch first where that is the custom.

    >>> usual_names(3), usual_names(4)
    (('n', 't', 'd'), ('a', 'b', 'c', 'd'))
    """
    usual: dict[int, Names] = {1: ("d",), 2: ("n", "d"), 3: ("n", "t", "d")}
    return usual.get(rank) or tuple("abcdefghijklmnop"[:rank])


def spread(call: Call, account: Account, names: Mapping[int, Names]) -> tuple[Names, ...]:
    """The names of each result's axes, by where they come from.

    Parts of an axis and axes that were merged have names of their own; None is an axis of size 1
    that comes from nowhere.
    """
    held = _Call(call, account, {t.tensor: _named(t, names) for t in call.tensors})
    return tuple(tuple(_name_of(held, origin) for origin in result) for result in account.results)


def _name_of(held: _Call, origin: Origin) -> str | None:
    if isinstance(origin, Merged):
        inner = [name for part in origin.parts if (name := _name_of(held, part))]
        if "c" in inner or "d" in inner:
            return "d"
        return "l" if {"h", "w"} <= set(inner) else (inner[0] if inner else None)
    if isinstance(origin, Part):
        parts = _Parts(held)
        whole = origin.size != 1 and parts.tiles(origin.source)
        return parts.name(origin) if whole else None
    if isinstance(origin, Written | Unknown):
        return None
    return next(
        (held.names[s.tensor][s.axis] for s in origin.sources if s.tensor in held.names), None
    )


# ---- parts of an axis -------------------------------------------------------------------------


class _Parts:
    """The parts that the axes of one tensor are split into, each with a name."""

    def __init__(self, held: _Call) -> None:
        self.held = held
        self.found: dict[AxisOf, list[Part]] = {}
        for result in held.account.results[:1]:
            for part in _parts_in(result):
                if part.size != 1:
                    self.found.setdefault(part.source, []).append(part)
        taken = {name for name in held.names[held.x.tensor] if name}
        self._names: dict[tuple[AxisOf, int], str] = {}
        for source, parts in self.found.items():
            parts.sort(key=lambda part: -_whole(part.inner))
            whole = held.names[source.tensor][source.axis] or "a"
            taken.discard(whole)  # an axis that is split is there no more
            for part, wanted in zip(parts, self._wanted(whole, len(parts), taken), strict=True):
                self._names[source, _whole(part.inner)] = _fresh(wanted, taken)

    def _wanted(self, whole: str, count: int, taken: set[str]) -> list[str]:
        if count == 1:
            return [whole]
        if self.held.call.name in ("pixel_shuffle", "pixel_unshuffle"):
            factors = sum(name.startswith("r") for name in self._names.values())
            return [whole, *(f"r{factors + place}" for place in range(1, count))]
        if whole == "d" and count == 2 and "h" not in taken:  # heads, as everybody calls them
            return ["h", "d"]
        return [f"{whole.rstrip('0123456789')}{place + 1}" for place in range(count)]

    def name(self, part: Part) -> str:
        return self._names[part.source, _whole(part.inner)]

    def tiles(self, source: AxisOf) -> bool:
        """Whether the parts make up the axis, each position once."""
        parts = self.found[source]
        inner = 1
        for part in reversed(parts):
            if _whole(part.inner) != inner:
                return False
            inner *= _whole(part.size)
        return inner == self.held.x.shape[source.axis]

    def left(self, source: AxisOf) -> str:
        """The axis as einops splits it: ``(c r1 r2)``."""
        return _bracketed([self.name(part) for part in self.found[source]])

    def sizes(self) -> dict[str, int]:
        """The sizes that einops must be told: all parts of an axis but its largest."""
        found: dict[str, int] = {}
        for parts in self.found.values():
            largest = max(range(len(parts)), key=lambda place: (_whole(parts[place].size), place))
            found |= {
                self.name(part): _whole(part.size)
                for place, part in enumerate(parts)
                if place != largest
            }
        return found


def _parts_in(result: Sequence[Origin]) -> Iterator[Part]:
    for origin in result:
        if isinstance(origin, Part):
            yield origin
        elif isinstance(origin, Merged):
            yield from _parts_in(origin.parts)


def _kept_in(result: Sequence[Origin]) -> Iterator[AxisOf]:
    for origin in result:
        if isinstance(origin, Kept):
            yield origin.source
        elif isinstance(origin, Merged):
            yield from _kept_in(origin.parts)


def _bracketed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({' '.join(names)})"


def _whole(size: object) -> int:
    if not isinstance(size, int):
        raise _Cannot("its sizes are in letters")
    return size


# ---- one tensor -------------------------------------------------------------------------------


def _moved(held: _Call) -> Pattern:
    """Axes in another order, split, merged, added, left out or repeated."""
    x = held.x
    if min(x.shape, default=1) < 0 and held.call.name in _REGROUPING:
        raise _Cannot("its sizes are in letters")
    parts = _Parts(held)
    if not all(map(parts.tiles, parts.found)):
        raise _Cannot("not every position of the axis is there once")
    if any(isinstance(origin, Unknown) for origin in held.result):
        return Pattern(
            f"{' '.join(held.of(x))} -> ?",
            note="mixes axes: " + _mixed(held) + ", which no pattern says",
        )
    names = held.names[x.tensor]
    sides = _Sides(held, parts, {name for name in names if name} | set(parts.sizes()))
    right = [sides.write(origin) for origin in held.result]
    kept = set(_kept_in(held.result))
    left: list[str] = []
    for axis in range(x.rank):
        source = x.axis(axis)
        if source in parts.found:
            left.append(parts.left(source))
        elif source in kept:
            left.append(names[axis] or "1")
        elif x.shape[axis] == 1:
            left.append("1")
        else:
            raise _Cannot("an axis ends here")
    pattern = f"{' '.join(left)} -> {' '.join(right)}"
    if left == right:
        raise _Cannot("")
    function = "repeat" if sides.repeated else "rearrange"
    return Pattern(pattern, _written(function, "x", pattern, sizes=parts.sizes() | sides.repeated))


def _mixed(held: _Call) -> str:
    """The sizes that divide each other in no way: ``6 × 4 as 8 × 3``."""
    known = {source for origin in held.result for source in origin.sources}
    given = [n for axis, n in enumerate(held.x.shape) if held.x.axis(axis) not in known]
    made = [str(origin.size) for origin in held.result if isinstance(origin, Unknown)]
    return f"{' × '.join(map(str, given))} as {' × '.join(made)}"


class _Sides:
    """The right side, with the axes that are new or longer there."""

    def __init__(self, held: _Call, parts: _Parts, taken: set[str]) -> None:
        self.held = held
        self.parts = parts
        self.taken = taken
        #: New axis → how often it repeats.
        self.repeated: dict[str, int] = {}

    def write(self, origin: Origin) -> str:
        match origin:
            case Kept():
                return self.held.names[self.held.x.tensor][origin.source.axis] or "1"
            case Part():
                return "1" if origin.size == 1 else self.parts.name(origin)
            case Written():
                return self._new("r", _whole(origin.size))
            case Broadcast():
                name = self.held.names[self.held.x.tensor][origin.sources[0].axis]
                self.taken.discard(name or "")  # it stands as 1 on the left
                return self._new(name or "r", _whole(origin.size))
            case Merged():
                inner = [text for part in origin.parts if (text := self.write(part)) != "1"]
                return _bracketed(inner) if inner else "1"
            case _:
                raise _Cannot("it picks positions, for which einops has no word")

    def _new(self, name: str, size: int) -> str:
        if size == 1:
            return "1"
        name = _fresh(name, self.taken)
        self.repeated[name] = size
        return name


def _reduced(held: _Call) -> Pattern:
    """Axes summed up, left out or as 1."""
    names = held.of(held.x)
    gone = {axis for end in held.account.ended for axis in end.axes}
    if not gone:
        raise _Cannot("")
    right: list[str] = []
    for origin in held.result:
        if not isinstance(origin, Kept | Written):
            raise _Cannot("")
        right.append(names[origin.source.axis] if isinstance(origin, Kept) else "1")
    # What is reduced needs a name, also where it is 1: every axis has one on the left.
    pattern = f"{' '.join(names)} -> {' '.join(right)}".rstrip()
    how = _REDUCTIONS.get(held.call.spelled)
    if how is None:
        return Pattern(pattern, note=f"einops has no reduction {held.call.spelled}")
    call = _written("reduce", "x", pattern, f'"{how}"')
    both = len(held.account.results) > 1
    return Pattern(pattern, call, "the values; torch also says where they stood" if both else "")


def _pooled(held: _Call) -> Pattern:
    """Windows that lie side by side and fill their axis: parts of it summed up."""
    x, names = held.x, held.names[held.x.tensor]
    left: list[str] = []
    right: list[str] = []
    sizes: dict[str, int] = {}
    taken = {name for name in names if name}
    for axis, origin in enumerate(held.result):
        name = names[axis] or "1"
        if isinstance(origin, Kept) or not isinstance(origin, Windowed):
            left.append(name)
            right.append(name)
            continue
        side = _side_by_side(origin, x.shape[axis])
        if side == 1:
            left.append(name)
            right.append(name)
        elif side == x.shape[axis]:
            left.append(name)
            right.append("1")
        else:
            inner = _fresh(f"{name}2", taken)
            left.append(f"({name} {inner})")
            right.append(name)
            sizes[inner] = side
    if left == right or held.call.arguments.get("divisor_override") is not None:
        raise _Cannot("")
    pattern = f"{' '.join(left)} -> {' '.join(right)}"
    call = _written("reduce", "x", pattern, f'"{_POOLS[held.call.name]}"', sizes=sizes)
    both = len(held.account.results) > 1
    return Pattern(pattern, call, "the values; torch also says where they stood" if both else "")


def _side_by_side(origin: Windowed, size: int) -> int:
    """How long the windows are, if they lie side by side and fill the axis."""
    made = _whole(origin.size)
    if origin.rule == "adaptive_pool":
        if size % made:
            raise _Cannot("")
        return size // made
    kernel, given = origin.arguments.get("kernel_size"), origin.arguments
    stride = given.get("stride") or kernel
    whole = kernel == stride or made == 1
    plain = not given.get("padding") and given.get("dilation", 1) == 1
    if not (whole and plain and isinstance(kernel, int) and kernel * made == size):
        raise _Cannot("")
    return kernel


# ---- several tensors --------------------------------------------------------------------------


def _joined(held: _Call) -> Pattern:
    """One after another along an axis, which einops calls packing."""
    tensors = held.tensors
    rank = tensors[0].rank
    if len(tensors) < 2 or any(tensor.rank != rank for tensor in tensors):
        raise _Cannot("")
    axis = held.call.axis("dim", rank)
    names = _all_named(held.of(tensors[0]))
    each = _numbered(names, axis, 2)
    pieces = [" ".join([*names[:axis], one, *names[axis + 1 :]]) for one in each]
    shown = ", ".join([*pieces, *(["…"] if len(tensors) > 2 else [])])
    total = f"({' + '.join([*each, *(['…'] if len(tensors) > 2 else [])])})"
    right = " ".join([*names[:axis], total, *names[axis + 1 :]])
    packed = " ".join([*names[:axis], "*", *names[axis + 1 :]])
    return Pattern(f"{shown} -> {right}", f'pack({_listed(held)}, "{packed}")[0]')


def _all_named(names: Sequence[str]) -> list[str]:
    """Packing knows no 1: an axis of size 1 has a name as well."""
    taken = {name for name in names if name != "1"}
    return [_fresh("u", taken) if name == "1" else name for name in names]


def _numbered(names: Sequence[str], axis: int, count: int) -> list[str]:
    """The pieces of an axis: ``c1``, ``c2``, and so on."""
    taken = {name for place, name in enumerate(names) if place != axis}
    base = names[axis].rstrip("0123456789") if names[axis] != "1" else "u"
    return [_fresh(f"{base}{n}", taken) for n in range(1, count + 1)]


def _stacked(held: _Call) -> Pattern:
    """Along a new axis."""
    first = held.tensors[0]
    names = list(held.of(first))
    taken = {name for name in names if name != "1"}
    new = _fresh("k", taken)
    at = held.call.axis("dim", first.rank + 1)
    right = " ".join([*names[:at], new, *names[at:]])
    left = " ".join(names)
    more = ", …" if len(held.tensors) > 2 else ""
    both = f"{left}, {left}{more}" if len(held.tensors) > 1 else left
    together = f"{new} {left}".strip()
    call = _written("rearrange", _listed(held), f"{together} -> {right}")
    return Pattern(f"{both} -> {right}", call)


def _split(held: _Call) -> Pattern:
    """Cut along an axis: as an axis more where the pieces are equal."""
    x, results = held.x, held.account.results
    if len(results) < 2:
        raise _Cannot("")
    axis = next((a for a, o in enumerate(results[0]) if isinstance(o, Windowed)), None)
    if axis is None:
        raise _Cannot("")
    names = list(held.of(x))
    lengths = [_whole(result[axis].size) for result in results]
    if sum(lengths) != x.shape[axis]:
        raise _Cannot("")
    before, after = names[:axis], names[axis + 1 :]
    if len(set(lengths)) == 1:
        new = _fresh("k", {name for name in names if name != "1"})
        inner = f"({new} {names[axis]})" if lengths[0] > 1 else new
        piece = [names[axis] if lengths[0] > 1 else "1"]
        left, right = " ".join([*before, inner, *after]), " ".join([new, *before, *piece, *after])
        pattern = f"{left} -> {right}"
        sizes = {new: len(lengths)} if lengths[0] > 1 else {}
        return Pattern(
            pattern,
            _written("rearrange", "x", pattern, sizes=sizes),
            f"the {len(lengths)} pieces along a first axis",
        )
    each = _numbered(names, axis, len(lengths))
    if len(each) > _MOST_TENSORS:
        each = [*each[:2], "…"]
    shown = [" ".join([*before, one, *after]) if one != "…" else one for one in each]
    left = " ".join([*before, f"({' + '.join(each)})", *after])
    named = _all_named(names)
    packed = " ".join([*named[:axis], "*", *named[axis + 1 :]])
    sizes_text = ", ".join(f"[{n}]" for n in lengths)
    return Pattern(f"{left} -> {', '.join(shown)}", f'unpack(x, [{sizes_text}], "{packed}")')


def _unbound(held: _Call) -> Pattern:
    """One result for each position of an axis: that axis first."""
    names = list(held.of(held.x))
    axis = held.call.axis("dim", held.x.rank)
    if names[axis] == "1":
        raise _Cannot("")
    right = [names[axis], *names[:axis], *names[axis + 1 :]]
    pattern = f"{' '.join(names)} -> {' '.join(right)}"
    return Pattern(
        pattern, _written("rearrange", "x", pattern), f"the {held.x.shape[axis]} pieces in order"
    )


def _product(held: _Call) -> Pattern:
    """Matrices multiplied: the axes that are summed have one letter in both."""
    a, b = held.tensors[:2]
    if a.tensor == b.tensor:
        b = Operand(-1 - b.tensor, b.sizes, b.shape)
    letters = _Letters(held)
    if held.call.name == "rmatmul":
        a, b = b, a
    pairs = _contracted(a, b, held.call.name)
    if pairs is None:
        raise _Cannot("")
    for one, two in pairs.together:
        letters.join(one, two)
    left = [" ".join(letters.of(x)) for x in (a, b)]
    right = " ".join(letters.letter(axis) for axis in pairs.result)
    pattern = f"{left[0]}, {left[1]} -> {right}".rstrip()
    sizes = {axis: n for x in (a, b) for axis, n in zip(x.axes, x.shape, strict=True)}
    if any(sizes[one] != sizes[two] for one, two in pairs.together):
        return Pattern(pattern, note="an axis of size 1 is stretched, which einops does not do")
    tensors = _called(held.tensors[:2])
    if held.call.name == "rmatmul":
        tensors = ", ".join(reversed(tensors.split(", ")))
    return Pattern(pattern, _written("einsum", tensors, pattern))


@dataclass(frozen=True, slots=True)
class _Contraction:
    together: tuple[tuple[AxisOf, AxisOf], ...]
    result: tuple[AxisOf, ...]


def _contracted(a: Operand, b: Operand, name: str) -> _Contraction | None:
    """Which axes of two matrices (or batches of them, or vectors) meet."""
    if not a.rank or not b.rank:
        return None
    if name == "inner":
        together = ((a.axis(-1), b.axis(-1)),)
        return _Contraction(together, (*a.axes[:-1], *b.axes[:-1]))
    rows, columns = a.axes[-2:-1], b.axes[-1:] if b.rank > 1 else ()
    summed = (a.axis(-1), b.axis(-2 if b.rank > 1 else -1))
    one, two = a.axes[:-2], b.axes[:-2]
    shared = min(len(one), len(two))
    pairs = tuple(zip(one[len(one) - shared :], two[len(two) - shared :], strict=True))
    lead = one if len(one) >= len(two) else (*two[: len(two) - shared], *one)
    return _Contraction((summed, *pairs), (*lead, *rows, *columns))


class _Letters:
    """A letter for each axis of several tensors; axes that meet have the same one."""

    def __init__(self, held: _Call) -> None:
        self.held = held
        self.root: dict[AxisOf, AxisOf] = {}
        self.letters: dict[AxisOf, str] = {}
        self.taken: set[str] = set()

    def join(self, one: AxisOf, two: AxisOf) -> None:
        self.root[two] = one

    def letter(self, axis: AxisOf) -> str:
        root = self.root.get(axis, axis)
        if root not in self.letters:
            number = root.tensor if root.tensor >= 0 else -1 - root.tensor
            name = self.held.names[number][root.axis] or "u"
            self.letters[root] = _fresh(name, self.taken)
        return self.letters[root]

    def of(self, tensor: Operand) -> list[str]:
        return [self.letter(axis) for axis in tensor.axes]


def _einsum(held: _Call) -> Pattern:
    """What is written in it already, as einops spells it."""
    equation = held.call["equation"]
    if not isinstance(equation, str):
        raise _Cannot("")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:
        every = "".join(terms).replace("...", "")
        right = ("..." if "..." in left else "") + "".join(
            sorted(letter for letter in set(every) if every.count(letter) == 1)
        )
    pattern = f"{', '.join(map(_spaced, terms))} -> {_spaced(right)}".rstrip()
    twice = any(len(set(bare)) < len(bare) for bare in (t.replace("...", "") for t in terms))
    if twice:
        return Pattern(pattern, note="einops takes no letter twice in one tensor")
    if len(held.tensors) != len(terms) or len(terms) > _MOST_TENSORS:
        return Pattern(pattern)
    tensors = _called(held.tensors)
    return Pattern(pattern, _written("einsum", tensors, pattern))


def _spaced(term: str) -> str:
    """``b...hd`` as ``b ... h d``."""
    before, dots, after = term.partition("...")
    return " ".join([*before, *(["..."] if dots else []), *after])


# ---- writing ----------------------------------------------------------------------------------


def _written(
    function: str, tensors: str, pattern: str, *more: str, sizes: Mapping[str, int] | None = None
) -> str:
    told = [f"{name}={size}" for name, size in (sizes or {}).items()]
    quoted = f'"{pattern}"' if not pattern.endswith("->") else f'"{pattern} "'
    return f"{function}({', '.join((tensors, quoted, *more, *told))})"


def _called(tensors: Sequence[Operand]) -> str:
    """A letter for each tensor, the same one for the same tensor."""
    different = list(dict.fromkeys(tensor.tensor for tensor in tensors))
    return ", ".join(_TENSORS[different.index(tensor.tensor)] for tensor in tensors)


def _listed(held: _Call) -> str:
    return "xs" if len(held.tensors) > _MOST_TENSORS else f"[{_called(held.tensors)}]"


def _left_alone(call: Call, names: Mapping[int, Names], reason: str) -> Pattern:
    left = ", ".join(" ".join(name or "1" for name in _named(t, names)) for t in call.tensors)
    return Pattern(f"{left} -> ?", note=reason)
