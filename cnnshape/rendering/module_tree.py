"""The report as the tree that a table shows: what ran, in the order it ran, where it belongs.

The tree follows the calls. To them come, in place: the functional operations that changed a
size, the containers that are never called themselves (a ``ModuleList`` that is looped over),
the parameters that a module with children holds itself, and last the modules that never ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cnnshape.analysis.report import Layer, OperationRow, Report
from cnnshape.tracing.trace import Parameter, Trace

#: ``container`` is never called itself, but its modules are; ``weights`` is never called, but an
#: operation elsewhere uses its parameters; ``uncalled`` has no part in the pass at all.
Role = Literal["call", "container", "operation", "parameter", "weights", "uncalled"]

#: A module with more parameters of its own than this gets one row for all of them.
_PARAMETER_ROWS = 6


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree and what stands below it.

    ``label`` is the name relative to the node above. Exactly one of ``layer``, ``operation``
    and ``parameters`` says what the node is.
    """

    role: Role
    path: str
    label: str
    layer: Layer | None = None
    operation: OperationRow | None = None
    parameters: tuple[Parameter, ...] = ()
    children: tuple[Node, ...] = ()
    failed: bool = False


@dataclass(slots=True)
class _Draft:
    """A node whose children are still being gathered."""

    role: Role
    path: str
    label: str
    layer: Layer | None = None
    operation: OperationRow | None = None
    parameters: tuple[Parameter, ...] = ()
    children: list[_Draft] = field(default_factory=list["_Draft"])
    failed: bool = False

    def freeze(self) -> Node:
        children = tuple(child.freeze() for child in self.children)
        return Node(
            self.role,
            self.path,
            self.label,
            self.layer,
            self.operation,
            self.parameters,
            children,
            self.failed,
        )


def build_tree(report: Report, everything: bool = False) -> Node:
    """The root call with everything below it.

    ``everything``: also the operations inside a layer whose own row already tells its size.
    """
    return _Builder(report, everything).build()


class _Builder:
    def __init__(self, report: Report, everything: bool) -> None:
        self.report = report
        self.everything = everything
        self.trace: Trace = report.trace
        self.uncalled = {layer.path: layer for layer in report.layers if not layer.called}
        #: The first draft of every module that has a line of its own.
        self.drafts: dict[str, _Draft] = {}
        self.items: dict[int, list[Layer | OperationRow]] = {}
        self.failed_call, self.failed_operation = self._failure()

    def build(self) -> Node:
        root = self.report.layers[0]
        draft = _Draft("call" if root.called else "uncalled", "", "", layer=root)
        self.drafts[""] = draft
        if root.index is not None:
            self._gather_items()
            self._fill(draft)
        if self.report.error is not None and root.index == self.failed_call and not draft.children:
            draft.failed = True
        if self.report.error is None or self.everything:
            # A table of a failed pass ends with the failure; data lists what it did not reach.
            self._add_uncalled()
        self._add_parameters()
        return draft.freeze()

    def _failure(self) -> tuple[int | None, OperationRow | None]:
        """The call that failed, and the operation in it where that deserves a line."""
        error, failure = self.report.error, self.trace.failure
        if error is None:
            return None, None
        same = (x for x in self.report.layers if (x.path, x.call) == (error.path, error.call))
        layer = next((x for x in same if x.index is not None), None)
        call = layer.index if layer else None
        if failure is None or failure.operation is None or call is None:
            return call, None
        operation = self.trace.operations[failure.operation]
        listed = next((r for r in self.report.operations if r.index == operation.index), None)
        if listed is not None:
            return call, listed
        leaf = error.path != "" and not self._has_children(error.path)
        if operation.call != call or leaf:
            return call, None
        values = (self.trace.values[index] for index in operation.inputs)
        shapes = tuple(value.shape for value in values if value.origin != "parameter")
        row = OperationRow(
            op=operation.name,
            path=error.path,
            input_shapes=shapes,
            output_shapes=(),
            macs=None,
            check=None,
            source=operation.source,
            index=operation.index,
            call=call,
        )
        return call, row

    def _has_children(self, path: str) -> bool:
        return any(module.path == path and module.children for module in self.trace.modules)

    def _gather_items(self) -> None:
        """For every call what its forward ran, modules and operations, in order."""
        known = {layer.index for layer in self.report.layers if layer.index is not None}
        keyed: dict[int, list[tuple[tuple[int, int, int], Layer | OperationRow]]] = {}
        for layer in self.report.layers:
            if layer.index is None:
                continue
            call = self.trace.calls[layer.index]
            parent = call.parent
            while parent is not None and parent not in known:
                parent = self.trace.calls[parent].parent
            if parent is not None:
                key = (call.operations[0], 0, layer.index)
                keyed.setdefault(parent, []).append((key, layer))
        failing = self.failed_operation
        rows = [row for row in self.report.operations if not failing or row.index != failing.index]
        for row in [*rows, failing] if failing else rows:
            keyed.setdefault(row.call, []).append(((row.index, 1, 0), row))
        for call_index, pairs in keyed.items():
            pairs.sort(key=lambda pair: pair[0])
            self.items[call_index] = [item for _, item in pairs]

    def _fill(self, draft: _Draft) -> None:
        assert draft.layer is not None
        assert draft.layer.index is not None
        items = self.items.get(draft.layer.index, [])
        draft.children = self._arrange(items, draft.path)
        if not self.everything and draft.path and _tells_it_itself(draft.layer, items):
            draft.children = []

    def _arrange(self, items: Sequence[Layer | OperationRow], prefix: str) -> list[_Draft]:
        """Drafts for the items below ``prefix``, gathered under their containers.

        Modules of one container that ran without another in between stand below it; where two
        containers take turns (``convs.0``, ``norms.0``, ``convs.1``, …) their modules keep the
        order in which they ran and have their dotted names.
        """
        heads = [_head(item.path, prefix) if isinstance(item, Layer) else "" for item in items]
        together = _contiguous(
            [head for item, head in zip(items, heads, strict=True) if isinstance(item, Layer)]
        )
        drafts: list[_Draft] = []
        position = 0
        while position < len(items):
            item, head = items[position], heads[position]
            if head in together:
                stop = max(i for i in range(position, len(items)) if heads[i] == head) + 1
                drafts.append(self._container(items[position:stop], _join(prefix, head)))
                position = stop
                continue
            drafts.append(self._leaf(item, prefix))
            position += 1
        return drafts

    def _container(self, items: Sequence[Layer | OperationRow], path: str) -> _Draft:
        draft = _Draft("container", path, path.rpartition(".")[2], layer=self.uncalled.get(path))
        self.drafts.setdefault(path, draft)
        draft.children = self._arrange(items, path)
        return draft

    def _leaf(self, item: Layer | OperationRow, prefix: str) -> _Draft:
        if isinstance(item, OperationRow):
            return _Draft(
                "operation", item.path, "", operation=item, failed=item is self.failed_operation
            )
        draft = _Draft("call", item.path, _relative(item.path, prefix), layer=item)
        draft.failed = item.index == self.failed_call and self.failed_operation is None
        self.drafts.setdefault(item.path, draft)
        self._fill(draft)
        return draft

    def _add_uncalled(self) -> None:
        """Modules that never ran, at the end of the module they belong to."""
        with_calls = _ancestors(layer.path for layer in self.report.layers if layer.called)
        used = _ancestors(name for op in self.trace.operations for name in op.parameters)
        for path, layer in self.uncalled.items():
            if path in self.drafts or (path in with_calls and not layer.params):
                continue
            parent = path.rpartition(".")[0]
            while parent not in self.drafts:
                parent = parent.rpartition(".")[0]
            role: Role = "weights" if path in used else "uncalled"
            draft = _Draft(role, path, _relative(path, parent), layer=layer)
            self.drafts[path] = draft
            self.drafts[parent].children.append(draft)

    def _add_parameters(self) -> None:
        """What a module with children holds itself, ahead of them, so that the column adds up."""
        owned: dict[str, list[Parameter]] = {}
        for parameter in self.trace.parameters:
            owned.setdefault(parameter.owner, []).append(parameter)
        for path, draft in self.drafts.items():
            held = owned.get(path, [])
            if draft.role == "uncalled" or not any(map(_has_costs, draft.children)):
                continue
            groups = [(p,) for p in held] if len(held) <= _PARAMETER_ROWS else [tuple(held)]
            draft.children[:0] = [
                _Draft("parameter", path, _parameter_label(group, path), parameters=group)
                for group in groups
            ]


def _tells_it_itself(layer: Layer, items: Sequence[Layer | OperationRow]) -> bool:
    """Whether the operations inside a layer say nothing that its own row does not.

    So it is with the one ``permute`` of a ``Permute`` layer, and with a norm that turns its input
    around and back again.
    """
    operations = [item for item in items if isinstance(item, OperationRow)]
    if len(operations) < len(items) or not layer.finished:
        return False
    if any(row.check is not None for row in operations):
        return False
    if layer.input_shapes == layer.output_shapes and not any(row.macs for row in operations):
        return True
    if len(operations) != 1:
        return False
    same = operations[0].output_shapes == layer.output_shapes
    return same and operations[0].input_shapes[:1] == layer.input_shapes[:1]


def _has_costs(draft: _Draft) -> bool:
    """Whether a module's row shows parameters or MACs; otherwise the row above has all its own."""
    layer = draft.layer
    if draft.role == "operation" or layer is None:
        return any(map(_has_costs, draft.children))
    return layer.subtree_params != 0 or layer.subtree_macs != 0


def _parameter_label(group: Sequence[Parameter], owner: str) -> str:
    if len(group) > 1:
        return f"{len(group)} own parameters"
    return _relative(group[0].name, owner)


def _head(path: str, prefix: str) -> str:
    """The container right below ``prefix`` that ``path`` lies in; empty if there is none."""
    relative = _relative(path, prefix)
    if relative == path and prefix:
        return ""
    head, dot, _ = relative.partition(".")
    return head if dot else ""


def _relative(path: str, prefix: str) -> str:
    return path[len(prefix) + 1 :] if prefix and path.startswith(prefix + ".") else path


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _contiguous(heads: Sequence[str]) -> set[str]:
    """The names that occur in one run only.

    >>> sorted(_contiguous(["a", "a", "b", "c", "b"]))
    ['a', 'c']
    """
    runs: dict[str, int] = {}
    previous = ""
    for head in heads:
        if head and head != previous:
            runs[head] = runs.get(head, 0) + 1
        previous = head
    return {head for head, number in runs.items() if number == 1}


def _ancestors(paths: Iterable[str]) -> set[str]:
    """Every proper prefix of dotted names, the empty one left out."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition(".")[0]
        while parent and parent not in found:  # a known one's own are known as well
            found.add(parent)
            parent = parent.rpartition(".")[0]
    return found
