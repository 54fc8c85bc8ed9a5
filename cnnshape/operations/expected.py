"""The shapes that operations take, where the axes of their results alone do not say so.

A line for those that take the same: what an argument has to look like, a letter for every axis.
Equal letters are equal sizes, ``*`` stands for any number of axes, a digit for a size that is
fixed; ``|`` stands between the forms of which one is enough.

Source: the page of each operation in https://docs.pytorch.org/docs/stable/torch.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cnnshape.messages import say

_TAKES = """
outer ger = input:N other:M
vdot dot = input:N other:N
cdist = input:*PM other:*RM
grid_sample = input:NCHW grid:NPQ2 | input:NCDHW grid:NPQR3
affine_grid = theta:N23 | theta:N34
embedding_bag = input:N | input:NM
index_select index_add index_copy index_fill index_reduce = index: | index:N
bucketize = boundaries:N
diag = input:N | input:NM
trace = input:NM
bincount = input:N
cov corrcoef = input: | input:N | input:NM
multinomial = input:M | input:NM
local_response_norm = input:NCL*
t = input: | input:N | input:NM
mT mH adjoint = input:*NM
linalg_svd svd linalg_svdvals linalg_qr linalg_lu = input:*NM
linalg_pinv pinverse linalg_matrix_rank = input:*NM
linalg_inv inverse linalg_det det slogdet linalg_slogdet logdet = input:*NN
linalg_eig linalg_eigvals linalg_eigh linalg_eigvalsh linalg_cholesky cholesky = input:*NN
matrix_exp linalg_matrix_exp matrix_power linalg_matrix_power = input:*NN
linalg_solve = input:*NN other:*NK | input:*NN other:*N
linalg_solve_triangular = input:*NN other:*NK
"""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Where some shapes are not what an operation takes.

    Attributes:
        forms: the form of every argument that was looked at, by its name.
        choices: every form that the first argument may have.
        first: the argument that is wrong, or the first of two that do not agree.
        second: the other one; None where one alone is wrong.
        letter: the axis's letter or digit; empty where the number of axes is wrong.
        sizes: the sizes that stand for the letter, as many as there are of them.
        axes: where they stand in their shapes.
    """

    forms: Mapping[str, str]
    first: str
    second: str | None = None
    letter: str = ""
    sizes: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()


def misfit(operation: str, shapes: Mapping[str, Sequence[int]]) -> Misfit | None:
    """What of some shapes an operation does not take; None if nothing, or if nobody knows.

    Args:
        operation: its name in the table.
        shapes: the shapes of its tensors, by the names of the arguments.

    >>> misfit("outer", {"input": (2, 3), "other": (3,)}).first
    'input'
    >>> misfit("cdist", {"input": (5, 3), "other": (6, 4)}).sizes
    (3, 4)
    >>> misfit("cdist", {"input": (5, 3), "other": (6, 3)}) is None
    True
    """
    known = forms_by_name().get(operation, ())
    found = [_compared(form, shapes) for form in known]
    if not found or None in found:
        return None
    # The form with the right numbers of axes says more than the first.
    told = next((one for one in found if one is not None and one.letter), found[0])
    assert told is not None
    return replace(told, choices=tuple(dict.fromkeys(form[told.first] for form in known)))


def form_text(form: str) -> str:
    """A form as a reader knows it.

    >>> form_text("*PM"), form_text("N"), form_text("NCL*")
    ('…×P×M', 'N', 'N×C×L×…')
    """
    return "×".join(form.replace("*", "…")) or say("a single number")


@cache
def forms_by_name() -> Mapping[str, tuple[Mapping[str, str], ...]]:
    """Of every operation the forms of its arguments, of which one is enough."""
    found: dict[str, tuple[Mapping[str, str], ...]] = {}
    for line in _TAKES.strip().splitlines():
        names, _, forms = line.partition(" = ")
        known = tuple(dict(map(_pair, form.split())) for form in forms.split("|"))
        found |= dict.fromkeys(names.split(), known)
    return found


def _pair(word: str) -> tuple[str, str]:
    name, _, form = word.partition(":")
    return name, form


def _compared(form: Mapping[str, str], shapes: Mapping[str, Sequence[int]]) -> Misfit | None:
    for name, letters in form.items():
        if name in shapes and not _counts(letters, len(shapes[name])):
            return Misfit(form, name)
    known: dict[str, tuple[str, int, int]] = {}
    for name, letters in form.items():
        for letter, axis in _placed(letters, len(shapes.get(name, ()))):
            size = shapes[name][axis]
            if letter.isdigit() and size != int(letter):
                return Misfit(form, name, None, letter, (size,), (axis,))
            other, before, where = known.setdefault(letter, (name, size, axis))
            if not letter.isdigit() and size != before:
                return Misfit(form, other, name, letter, (before, size), (where, axis))
    return None


def _counts(letters: str, rank: int) -> bool:
    """Whether the number of axes is right."""
    fixed = len(letters.replace("*", ""))
    return rank >= fixed if "*" in letters else rank == fixed


def _placed(letters: str, rank: int) -> list[tuple[str, int]]:
    """Each letter with its axis; none for an argument that was not given."""
    if not rank:
        return []
    start = rank - len(letters) + 1 if letters.startswith("*") else 0
    return [(letter, start + axis) for axis, letter in enumerate(letters.strip("*"))]
