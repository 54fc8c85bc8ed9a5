"""The rows of a table, computed once for every writer: tree, folding, depth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from cnnshape.analysis.accounts import shown_name
from cnnshape.analysis.report import Layer, OperationRow, Report, Totals
from cnnshape.rendering.activations import with_activations
from cnnshape.rendering.batch import constant_batch
from cnnshape.rendering.columns import column, sort_rows
from cnnshape.rendering.module_tree import Node, Role, build_tree
from cnnshape.rendering.palette import Kind, kind_of
from cnnshape.rendering.repeats import Folded, Folder, folded_label, worked_on
from cnnshape.rendering.row import Row, State, Status, Table, TableOptions
from cnnshape.rendering.settings import NONE, Settings, layer_settings, operation_settings
from cnnshape.rendering.units import count
from cnnshape.rendering.wholes import Wholes, descendants, layer_status, total
from cnnshape.tracing.trace import Dim
from cnnshape.words import ordinal

_ROOT = "(model)"
_ENDLESS = "RecursionError"
_SHOWN_LEVELS = 2
_ROLE_STATES: dict[Role, State] = {
    "uncalled": "not called",
    "weights": "weights only",
    "container": "held",
    "parameter": "held",
}


def select_rows(report: Report, options: TableOptions) -> Table:
    """The tree, or the flat list that ``--sort`` asks for."""
    if options.sort is None:
        return make_table(report, options)
    by = column(options.sort)
    table = flat_table(report, options.depth)
    rows = [row for row in table.rows if _has_own(row)]
    return Table(sort_rows(rows, by), table.hide_batch)


def make_table(report: Report, options: TableOptions) -> Table:
    """The rows that the options ask for, in the order in which the modules ran."""
    shown = with_activations(report) if options.expand else report
    root = build_tree(shown, everything=options.expand)
    rows = _with_shares(_Rows(report, options).all(root), report.totals)
    return Table(rows, constant_batch(report) is not None)


def flat_table(report: Report, depth: int | None = None) -> Table:
    """Every call and operation by its whole path and with its own numbers, nothing folded.

    At ``depth`` a row has the numbers of everything below it, so that columns still add up.
    """
    expanded = TableOptions(expand=True, depth=depth)
    root = build_tree(report, everything=True)
    rows = [
        replace(row, guides="", rails="", label=row.name)
        for row in _Rows(report, expanded, own=True).all(root, with_root=True)
        if row.role != "parameter"
    ]
    shared = _with_shares(_counted_once(rows), report.totals)
    return Table(shared, constant_batch(report) is not None)


def every_row(report: Report, root: Node) -> tuple[Row, ...]:
    """A row for each node of a tree, in the tree's order, each with its own numbers alone."""
    rows = _Rows(report, TableOptions(expand=True), own=True).all(root, with_root=True)
    return tuple(_counted_once(list(rows)))


def _has_own(row: Row) -> bool:
    """Something is measured at this row itself, not only below it."""
    if row.role == "container" or (row.path == "" and row.role == "call"):
        return bool(row.params or row.macs)
    return not row.has_rows_below or bool(row.params or row.macs or row.status)


def _counted_once(rows: Sequence[Row]) -> Iterator[Row]:
    """A module's MACs without those of its operations that have rows of their own.

    Where one of them is an expression, they stay with the module.
    """
    listed: dict[int, int] = {}
    for row in rows:
        if row.role == "operation" and row.ran_in is not None and isinstance(row.macs, int):
            listed[row.ran_in] = listed.get(row.ran_in, 0) + row.macs
    whole = {row.index for row in rows if row.index is not None and isinstance(row.macs, str)}
    for row in rows:
        if row.role == "operation":
            yield replace(row, macs=0) if row.ran_in in whole else row
        elif row.index in listed and isinstance(row.macs, int) and row.has_rows_below:
            yield replace(row, macs=row.macs - listed[row.index])
        else:
            yield row


def _with_shares(rows: Iterable[Row], totals: Totals) -> tuple[Row, ...]:
    """Every row with its part of what the whole model has."""
    return tuple(
        replace(
            row,
            params_share=_share(row.params, totals.params),
            macs_share=_share(row.macs, totals.macs),
        )
        for row in rows
    )


def _share(part: Dim | None, whole: Dim | None) -> float | None:
    """A part of 1; None where one of the two is an expression or unknown."""
    if part == 0:
        return 0.0
    if isinstance(part, int) and isinstance(whole, int) and whole:
        return part / whole
    return None


class _Rows:
    def __init__(self, report: Report, options: TableOptions, own: bool = False) -> None:
        self.report = report
        self.options = options
        self.own = own
        self.folder = Folder(report.trace, fields=_shows_fields(options))
        self.wholes = Wholes()

    def all(self, root: Node, with_root: bool = False) -> Iterator[Row]:
        alone = not root.children or self.options.depth == 0
        # A check of the whole model's stands in no other row, nor do its parameters.
        checked = root.layer is not None and root.layer.check is not None
        if alone or with_root or checked:
            yield self._row(Folded(root, (root.label,)), "", "", below=not alone)
        if not alone:
            yield from self._below(root, "", 1, (root.path,))

    def _below(self, node: Node, rails: str, depth: int, inside: tuple[str, ...]) -> Iterator[Row]:
        """The rows below a node; ``inside`` are the modules whose calls are open there."""
        entries = self._entries(node.children)
        for position, entry in enumerate(entries):
            last = position == len(entries) - 1
            branch, rail = ("", "") if depth == 1 else ("└ ", "  ") if last else ("├ ", "│ ")
            again = self._goes_on(entry.node, inside)
            below = not again and self._opens(entry.node, depth)
            row = self._row(entry, rails + branch, rails + rail, below, depth)
            yield replace(row, tag=_and_inside(row.tag, again)) if again else row
            if below:
                path = entry.node.path
                yield from self._below(entry.node, rails + rail, depth + 1, (*inside, path))

    def _entries(self, nodes: Sequence[Node]) -> list[Folded]:
        if self.options.expand:
            return [Folded(node, (node.label,)) for node in nodes]
        return self.folder.fold(nodes)

    def _opens(self, node: Node, depth: int) -> bool:
        """Whether the rows below a node are shown."""
        if not node.children:
            return False
        if node.role in ("uncalled", "weights") and not self.options.expand:
            return False
        return self.options.depth is None or depth < self.options.depth

    def _goes_on(self, node: Node, inside: tuple[str, ...]) -> int:
        """How many more calls of a module lie inside its third one, if they never come to an end.

        Two levels show what goes on; the hundreds up to Python's limit are told as a number.
        """
        endless = self.report.error is not None and self.report.error.exception == _ENDLESS
        if (
            self.own
            or not endless
            or node.role != "call"
            or inside.count(node.path) < _SHOWN_LEVELS
        ):
            return 0
        return sum(child.role == "call" and child.path == node.path for child in descendants(node))

    def _row(self, entry: Folded, guides: str, rails: str, below: bool, depth: int = 0) -> Row:
        node = entry.node
        row = Row(
            role=node.role,
            state=_state(node, hidden=not below and self.wholes.of(node).failing),
            kind="other",
            guides=guides,
            rails=rails + "│ " if below and depth > 0 else rails,
            label=folded_label(entry.labels, entry.consecutive),
            path=node.path,
            name=_whole_name(node, entry),
            tag=f"× {entry.times}" if entry.times > 1 else "",
            times=entry.times,
            call=node.layer.call if node.layer else 0,
            depth=depth,
            type="",
            inputs=(),
            outputs=(),
            has_rows_below=below,
        )
        if node.role == "parameter":
            return _with_parameters(row, node)
        if node.operation is not None:
            return self._with_operation(row, node.operation)
        return self._with_layer(row, node, node.layer, below)

    def _with_layer(self, row: Row, node: Node, layer: Layer | None, below: bool) -> Row:
        if layer is None:
            kind = self._type_of(node.path)
            return replace(row, type=kind, kind="container", params=None, macs=None)
        whole = bool(node.children) and not (self.own and below)
        sums = self.wholes.of(node)
        again = layer.call > 0 and not row.tag
        shapes = layer.input_shapes, layer.output_shapes
        # Of what only some in a run were handed nothing is said in the row for all.
        inputs, outputs = worked_on(self.report.trace, layer) if row.times > 1 else shapes
        return replace(
            row,
            label=row.label or _ROOT,
            name=row.name or _ROOT,
            kind=_layer_kind(node, layer),
            type=layer.type,
            tag=f"({ordinal(layer.call + 1)} call)" if again else row.tag,
            inputs=inputs,
            outputs=outputs,
            dtypes=layer.output_dtypes,
            settings=self._settings(node, layer),
            params=layer.subtree_params if whole else layer.params,
            trainable=sums.trainable_params if whole else layer.trainable_params,
            macs=_macs(node, layer, whole),
            backward_macs=layer.subtree_backward_macs if whole else layer.backward_macs,
            parameter_bytes=sums.parameter_bytes if whole else layer.parameter_bytes,
            activation_bytes=sums.activation_bytes if whole else layer.activation_bytes,
            time_ms=layer.subtree_time_ms if whole else layer.time_ms,
            memory=layer.memory and sums.memory if whole else layer.memory,
            sums=whole and below and _adds_up_others(node, layer),
            status=layer_status(layer) if below or not whole else _worst(sums.statuses),
            check=layer.check,
            source=layer.source,
            index=layer.index,
            layer=layer,
        )

    def _with_operation(self, row: Row, operation: OperationRow) -> Row:
        recorded = self.report.trace.operations
        settings = NONE
        if operation.index < len(recorded):
            settings = operation_settings(recorded[operation.index], self.report.trace)
        return replace(
            row,
            kind=kind_of(operation.op),
            type=shown_name(operation.op),
            inputs=operation.input_shapes,
            outputs=operation.output_shapes,
            dtypes=operation.output_dtypes,
            settings=settings,
            macs=operation.macs,
            status=operation.check.mark if operation.check else "",
            check=operation.check,
            source=operation.source,
            operation=operation.index,
            ran_in=operation.call,
        )

    def _settings(self, node: Node, layer: Layer) -> Settings:
        """By its configuration; of a layer that has none (from an archive) by what it ran."""
        found, trace = layer_settings(layer.kind, layer.config), self.report.trace
        if found != NONE or node.children or layer.index is None:
            return found
        ran = [operation_settings(op, trace) for op in trace.own_operations(layer.index)]
        told = [settings for settings in ran if settings != NONE]
        return told[0] if len(told) == 1 else NONE

    def _type_of(self, path: str) -> str:
        return next((m.type for m in self.report.trace.modules if path in (m.path, *m.aliases)), "")


def _and_inside(tag: str, more: int) -> str:
    """``(3rd call, 135 more inside)``."""
    return f"{tag.removesuffix(')') or '(1 call'}, {count(more)} more inside)"


def _whole_name(node: Node, entry: Folded) -> str:
    """``layer1.0``; of a run the first and the last: ``layer1.1 … layer1.3``."""
    if node.operation is not None:
        return node.path
    if node.role == "parameter":
        return f"{node.path}.{node.label}" if node.path else node.label
    above = node.path[: -len(node.label)] if node.label and node.path.endswith(node.label) else ""
    labels = [above + label for label in dict.fromkeys(entry.labels)]
    if len(labels) <= 2 + (not entry.consecutive):
        return ", ".join(labels)
    shown = labels[:1] if entry.consecutive else labels[:2]
    return f"{', '.join(shown)} … {labels[-1]}"


def _shows_fields(options: TableOptions) -> bool:
    return any("field" in name or name == "rf" for name in options.columns or ())


def _with_parameters(row: Row, node: Node) -> Row:
    held = node.parameters
    counts = [parameter.count for parameter in held]
    shape = held[0].shape if len(held) == 1 else None
    return replace(
        row,
        type="Parameter",
        outputs=(shape,) if shape is not None else (),
        dtypes=tuple(parameter.dtype for parameter in held),
        params=total(counts),
        trainable=total([p.count if p.trainable else 0 for p in held]),
        parameter_bytes=total([p.bytes for p in held]),
    )


def _state(node: Node, *, hidden: bool) -> State:
    if node.failed or hidden:  # a row that hides what failed is the one to look at
        return "failed"
    if node.role == "call" and node.layer is not None and not node.layer.finished:
        return "unfinished"
    return _ROLE_STATES.get(node.role, "ran")


def _layer_kind(node: Node, layer: Layer) -> Kind:
    kind = kind_of(layer.kind)
    if kind == "linear" or not node.children:  # attention has modules inside and is a layer
        return kind
    return "container"


def _worst(found: Collection[Status]) -> Status:
    """One mark for everything inside."""
    order: tuple[Status, ...] = ("mismatch", "uncovered", "match", "")
    return next(status for status in order if status in found or not status)


def _macs(node: Node, layer: Layer, whole: bool) -> Dim | None:
    """What a call measured; a module that was never called ran nothing itself."""
    if node.role == "call":
        return layer.subtree_macs if whole else layer.macs
    if node.role != "container" or not whole:
        return 0
    below = [_macs(child, child.layer, True) for child in node.children if child.layer]
    numbers = [amount for amount in below if isinstance(amount, int)]
    return sum(numbers) if len(numbers) == len(below) else None


def _adds_up_others(node: Node, layer: Layer) -> bool:
    """Whether a row's numbers are those of rows below it, and not the module's own alone."""
    own = layer.params == layer.subtree_params and layer.macs == layer.subtree_macs
    return not own and any(child.role != "operation" for child in node.children)
