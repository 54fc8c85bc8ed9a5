"""Annotations of tensors in jaxtyping's notation, ``Float[Tensor, "n 6 h//2 w//2"]``.

Made from what functions were given and gave back in a pass, and held against it. The notation is
read here as text: nothing of it is executed, and jaxtyping need not be installed.
Source: https://docs.kidger.site/jaxtyping/api/array/.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cnnshape.messages import say
from cnnshape.tracing.lines import LineTensor
from cnnshape.tracing.trace import Dim

#: jaxtyping's name for each kind of dtype, the beginnings of the dtypes' own names.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "Float": ("float", "bfloat"),
    "Int": ("int",),
    "UInt": ("uint",),
    "Bool": ("bool",),
    "Complex": ("complex",),
    "Integer": ("int", "uint"),
    "Inexact": ("float", "bfloat", "complex"),
    "Real": ("float", "bfloat", "int", "uint"),
    "Num": ("float", "bfloat", "int", "uint", "complex"),
    "Shaped": ("",),
}
_WRITTEN = ("Float", "Int", "UInt", "Bool", "Complex")
_TYPE = re.compile(
    r"(?:\w+\.)?(?P<kind>[A-Z]\w*)\[\s*(?:\w+\.)*Tensor\s*,\s*(?P<quote>['\"])(?P<axes>[^'\"]*)(?P=quote)\s*\]"
)
_LETTER = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class TensorType:
    """``Float[Tensor, "n 6 h//2 w//2"]``, taken apart."""

    kind: str
    axes: tuple[str, ...]

    def __str__(self) -> str:
        return f'{self.kind}[Tensor, "{" ".join(self.axes)}"]'


def read_type(text: str) -> TensorType | None:
    """An annotation as it is written; None if it is none of jaxtyping's of a tensor.

    >>> read_type('Float[torch.Tensor, "n 3 h w"]')
    TensorType(kind='Float', axes=('n', '3', 'h', 'w'))
    >>> read_type("torch.Tensor")
    """
    match = _TYPE.fullmatch(text.strip())
    return None if match is None else TensorType(match["kind"], tuple(match["axes"].split()))


# ---- made from a pass ---------------------------------------------------------------------


class Namer:
    """The names of sizes within one function.

    A letter of the input keeps its name, in lower case. An expression is written as it is where
    the arguments bind its letters, ``h//2``; elsewhere it gets a name of its own, so that
    jaxtyping, which reads the arguments from left to right, can bind it. So does a size that is
    another one in every call.

    >>> small, large = (LineTensor(None, (1, c, 8, 8), "float32") for c in (3, 6))
    >>> namer = Namer()
    >>> print(namer.type_of([small, large], bind=True))
    Float[Tensor, "1 c 8 8"]
    >>> print(namer.type_of([large, small], bind=False))
    Float[Tensor, "1 _ 8 8"]
    """

    def __init__(self) -> None:
        #: What an axis was in every call → its name.
        self._names: dict[tuple[str, ...], str] = {}
        self._bound: set[str] = set()

    def type_of(self, tensors: Sequence[LineTensor], *, bind: bool) -> TensorType:
        """The type of a name that stood for these tensors, one in each call.

        ``bind``: an argument binds sizes; a result can only use those that are bound.
        """
        kinds = {_kind(tensor.dtype) for tensor in tensors}
        kind = kinds.pop() if len(kinds) == 1 else "Shaped"
        ranks = {len(tensor.shape) for tensor in tensors}
        if len(ranks) > 1:
            return TensorType(kind, ("...",))
        usual = _USUAL.get(ranks.pop(), ())
        axes = list(zip(*(tensor.shape for tensor in tensors), strict=True))
        named = enumerate(tuple(str(size).replace(" ", "").lower() for size in a) for a in axes)
        return TensorType(
            kind,
            tuple(
                self._axis(sizes, usual[n] if usual else f"d{n}", bind=bind) for n, sizes in named
            ),
        )

    def _axis(self, sizes: tuple[str, ...], usual: str, *, bind: bool) -> str:
        size = sizes[0] if len(set(sizes)) == 1 else ""
        if "?" in sizes:
            return "_"
        if size.isdigit():
            return size
        letters = set(_LETTER.findall(size))
        if size and letters == {size} and bind:
            self._bound.add(size)
            return size
        if size and letters <= self._bound:  # max and min are no letters that anybody binds
            return size
        if sizes in self._names or not bind:
            return self._names.get(sizes, "_")
        taken = self._bound | set(self._names.values())
        name = next(n for n in (usual, *(f"{usual}{i}" for i in range(1, 99))) if n not in taken)
        self._names[sizes] = name
        return name


#: What axes are usually called, by how many there are.
_USUAL: Mapping[int, str] = {2: "bd", 3: "bld", 4: "bchw", 5: "bcdhw"}


def _kind(dtype: str) -> str:
    return next((kind for kind in _WRITTEN if dtype.startswith(_KINDS[kind])), "Shaped")


# ---- held against a pass ------------------------------------------------------------------


@dataclass
class Bindings:
    """The sizes that names stand for during one call of a function."""

    sizes: dict[str, Dim] = field(default_factory=dict[str, Dim])

    def mismatch(self, wanted: TensorType, tensor: LineTensor) -> str | None:
        """Why a tensor is not what its annotation says; None if it is, or if nobody can say.

        >>> x = LineTensor(None, (2, 6, 14, 14), "float32")
        >>> Bindings({"h": 28}).mismatch(TensorType("Float", ("n", "6", "h//2", "_")), x)
        >>> Bindings().mismatch(TensorType("Float", ("n", "8", "h", "h")), x)
        'axis 1 is 6, not 8'
        """
        starts = _KINDS.get(wanted.kind)
        if starts is not None and not tensor.dtype.startswith(starts):
            return say("it is {dtype}", dtype=tensor.dtype)
        before, several, after = _around(wanted.axes)
        fixed = len(before) + len(after)
        if len(tensor.shape) < fixed or (not several and len(tensor.shape) > fixed):
            return say(
                "it has {rank} dimensions, not {wanted}", rank=len(tensor.shape), wanted=fixed
            )
        placed = [*enumerate(before), *enumerate(after, len(tensor.shape) - len(after))]
        for place, axis in placed:
            wrong = self._axis(axis, tensor.shape[place])
            if wrong is not None:
                return say(
                    "axis {axis} is {size}, not {wanted}",
                    axis=place,
                    size=tensor.shape[place],
                    wanted=wrong,
                )
        return None

    def _axis(self, axis: str, size: Dim) -> str | None:
        broadcast, axis = axis.startswith("#"), axis.lstrip("#?")
        axis = axis.rpartition("=")[2]
        if axis == "_" or axis.startswith("_") or (broadcast and size == 1):
            return None
        if axis.isdigit():
            return None if str(size) == axis else axis
        if axis.isidentifier():
            bound = self.sizes.setdefault(axis, size)
            return None if bound == size else f"{axis} = {bound}"
        value = _value(axis.strip("{}"), self.sizes)
        return None if value is None or value == size else f"{axis} = {value}"


def _around(axes: Sequence[str]) -> tuple[Sequence[str], bool, Sequence[str]]:
    """The axes before and behind one that stands for any number of axes."""
    for place, axis in enumerate(axes):
        if axis == "..." or axis.lstrip("#?").startswith("*"):
            return axes[:place], True, axes[place + 1 :]
    return axes, False, ()


_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _value(text: str, sizes: Mapping[str, Dim]) -> int | None:
    """An expression of whole numbers and names; None where it is anything else."""

    def of(node: ast.expr) -> int | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name):
            known = sizes.get(node.id)
            return known if isinstance(known, int) else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = of(node.left), of(node.right)
            if left is None or right is None:
                return None
            if isinstance(node.op, ast.FloorDiv | ast.Mod) and right == 0:
                return None
            return _OPERATORS[type(node.op)](left, right)
        return None

    try:
        return of(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return None
