"""One line of a table, and all of them: what every writer prints, and what a reader asked for.

Nothing here knows about cells, colours or markup.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cnnshape.analysis.memory import NO_MEMORY, LayerMemory
from cnnshape.analysis.report import Check, Extent, Layer
from cnnshape.rendering.module_tree import Role
from cnnshape.rendering.palette import Kind
from cnnshape.rendering.settings import NONE, Settings
from cnnshape.tracing.trace import Dim, Shape, Source

#: Empty where there is nothing to check; ``uncovered`` changed the size and has no rule.
Status = Literal["match", "mismatch", "uncovered", ""]
State = Literal["ran", "failed", "unfinished", "not called", "weights only", "held"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        guides: the tree's lines before the label; ``rails`` those of a line underneath.
        label: the name relative to the row above; ``path`` the whole name, ``name`` the
            whole name or names that the row stands for.
        tag: ``× 4`` for a folded run, ``(2nd call)`` for a module that ran again.
        params_share, macs_share: the part of the model's total, from 0 to 1.
        index: the call's index in the trace; ``operation`` an operation's, ``ran_in`` the call
            that ran it.
        sums: the numbers are those of everything below, which has rows of its own.
    """

    role: Role
    state: State
    kind: Kind
    guides: str
    rails: str
    label: str
    path: str
    name: str
    tag: str
    times: int
    call: int
    depth: int
    type: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    dtypes: tuple[str, ...] = ()
    settings: Settings = NONE
    params: int | None = 0
    trainable: int | None = 0
    macs: Dim | None = 0
    backward_macs: Dim | None = 0
    params_share: float | None = 0.0
    macs_share: float | None = 0.0
    parameter_bytes: int | None = 0
    activation_bytes: int | None = 0
    time_ms: float | None = 0.0
    memory: LayerMemory | None = NO_MEMORY
    sums: bool = False
    status: Status = ""
    check: Check | None = None
    source: Source | None = None
    layer: Layer | None = field(default=None, repr=False)
    has_rows_below: bool = False
    index: int | None = None
    operation: int | None = None
    ran_in: int | None = None

    @property
    def receptive_field(self) -> Extent:
        """That of the layer; None at the row of anything else."""
        return None if self.layer is None else self.layer.receptive_field

    @property
    def changed(self) -> bool:
        """Something other than what went in came out."""
        return self.inputs != self.outputs


@dataclass(frozen=True, slots=True)
class Table:
    """All rows and what they have in common."""

    rows: tuple[Row, ...]
    hide_batch: bool


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a report is laid out.

    Attributes:
        depth: modules deeper than this are summed up in the module above; None for all.
        columns: their names; None for those that the report needs (see :mod:`.columns`).
        sort: a column's name; the rows then are a flat list, the largest first.
        expand: repeated blocks and modules that never ran are written out one by one.
        formulas: show how each size is computed.
        patterns: show what each reshape does, in einops' notation.
        caption, label: of a table in LaTeX: plain text, and the key of ``\\ref``.
    """

    depth: int | None = None
    columns: tuple[str, ...] | None = None
    sort: str | None = None
    expand: bool = False
    formulas: bool = False
    patterns: bool = False
    caption: str = ""
    label: str = ""


DEFAULT = TableOptions()
