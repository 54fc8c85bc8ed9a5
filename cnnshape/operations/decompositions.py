"""Inverses, decompositions and solutions of matrices: sizes, and a cost that nobody has counted.

Source: https://docs.pytorch.org/docs/stable/linalg.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from cnnshape.operations.axes import Account, Ended, Origin
from cnnshape.operations.broadcasting import aligned, lines
from cnnshape.operations.call import Call, Operand
from cnnshape.operations.table import Table

DECOMPOSITIONS = Table()
_SOURCE = "https://docs.pytorch.org/docs/stable/linalg.html"

#: From the rows and columns of a matrix, and the fewer of both, the last axes of each result.
Shapes: TypeAlias = Callable[[Origin, Origin, Origin], "tuple[tuple[Origin, ...], ...]"]

_SHAPES: Final[dict[str, Shapes]] = {
    "inverse linalg_inv cholesky linalg_cholesky cholesky_inverse matrix_exp linalg_matrix_exp": (
        lambda m, n, _: ((m, n),)
    ),
    "linalg_inv_ex linalg_cholesky_ex": lambda m, n, _: ((m, n), ()),
    "pinverse linalg_pinv": lambda m, n, _: ((n, m),),
    "det linalg_det logdet linalg_cond linalg_matrix_rank": lambda _m, _n, _k: ((),),
    "slogdet linalg_slogdet": lambda _m, _n, _k: ((), ()),
    "linalg_eigvals linalg_eigvalsh linalg_svdvals": lambda _m, _n, k: ((k,),),
    "linalg_eig linalg_eigh": lambda m, n, _: ((n,), (m, n)),
    "svd": lambda m, n, k: ((m, k), (k,), (n, k)),
    "linalg_lu": lambda m, n, k: ((m, m), (m, k), (k, n)),
    "linalg_lu_factor geqrf": lambda m, n, k: ((m, n), (k,)),
    "linalg_lu_factor_ex": lambda m, n, k: ((m, n), (k,), ()),
}


def _made(x: Operand, shapes: Shapes) -> Account:
    """Results for every matrix in the last two axes; each of their numbers has seen all of it."""
    rows, columns = x.kept(-2), x.kept(-1)
    fewer = rows if x.shape[-2] <= x.shape[-1] else columns
    results = tuple((*x.all_kept(0, -2), *last) for last in shapes(rows, columns, fewer))
    return Account(results, tuple(Ended((x.axis(a),), "mixed", x.sizes[a]) for a in (-2, -1)))


def _of_each(shapes: Shapes) -> Callable[[Call], Account]:
    return lambda call: _made(call.tensor(), shapes)


for _names, _shapes in _SHAPES.items():
    DECOMPOSITIONS.add(_names, "other", "input|A", macs=None, source=_SOURCE)(_of_each(_shapes))


@DECOMPOSITIONS.add("linalg_svd", "other", "input|A full_matrices=True", macs=None,
                    source="torch.linalg.svd")  # fmt: skip
def svd(call: Call) -> Account:
    """``U S Vᴴ``: square, or as narrow as there are singular values."""
    if call["full_matrices"]:
        return _made(call.tensor(), lambda m, n, k: ((m, m), (k,), (n, n)))
    return _made(call.tensor(), lambda m, n, k: ((m, k), (k,), (k, n)))


@DECOMPOSITIONS.add("linalg_qr", "other", "input|A mode='reduced'", macs=None,
                    source="torch.linalg.qr")  # fmt: skip
def qr(call: Call) -> Account:
    """``Q R``: as narrow as the matrix, or complete."""
    if call["mode"] == "complete":
        return _made(call.tensor(), lambda m, n, _: ((m, m), (m, n)))
    return _made(call.tensor(), lambda m, n, k: ((m, k), (k, n)))


@DECOMPOSITIONS.add("linalg_solve", "other", "input|A other|B left=True", macs=None,
                    source="torch.linalg.solve")  # fmt: skip
@DECOMPOSITIONS.add("linalg_solve_triangular", "other", "input|A other|B upper=None left=True",
                    macs=None, source="torch.linalg.solve_triangular")  # fmt: skip
def solve(call: Call) -> Account:
    """``A X = B`` for a matrix, or a vector, ``B``; ``X A = B`` from the right."""
    a, b = call.tensor(), call.tensor("other")
    triangular = call.name == "linalg_solve_triangular"  # takes no vectors
    vector = not triangular and (b.rank == 1 or b.shape == a.shape[:-1])
    own = 1 if vector else 2
    lead, needs = aligned(lines(a, 0, -2), lines(b, 0, -own))
    met = b.axis(-1 if vector or not call["left"] else -2)
    seen = Ended((met, a.axis(-2), a.axis(-1)), "mixed", a.sizes[-1])
    return Account(((*lead, *b.all_kept(-own)),), (seen,), needs)


@DECOMPOSITIONS.add("linalg_solve_ex", "other", "input|A other|B left=True", macs=None,
                    source="torch.linalg.solve_ex")  # fmt: skip
def solve_ex(call: Call) -> Account:
    """The same, and whether it worked."""
    account, a = solve(call), call.tensor()
    return replace(account, results=(*account.results, a.all_kept(0, -2)))
