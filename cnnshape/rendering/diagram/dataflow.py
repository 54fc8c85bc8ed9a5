"""The drawable graph of a recorded pass: one node per layer call or functional operation.

Nothing is folded, hidden or merged here. Every tensor that went from one node to another is an
edge, and every edge is such a tensor; the pictures are made by simplifying this graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from cnnshape.analysis.accounts import Accounts, shown_name
from cnnshape.rendering.diagram.identifiers import Names
from cnnshape.tracing.trace import Module, ModuleCall, NamedValue, Operation, Trace

if TYPE_CHECKING:
    from cnnshape.rendering.diagram.inner_words import InnerWords

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "Container")

Role = Literal["input", "output", "module", "operation"]


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that took tensors or made them.

    Attributes:
        id: a name that stays the same from run to run: ``C1``, ``layer1.0/add``, ``pool@2`` for
            a second call.
        role: an input or output of the drawn part, a layer's call, or a functional operation.
        region: index of the call of the container that it belongs to.
        call: index of the layer's call, for a ``module``.
        operation: index of the operation, for an ``operation``.
        name: what an input or output is called.
        values: the values an input or output stands for.
        failed: it raised.
        index: its place in :attr:`Flow.nodes`.
    """

    id: str
    role: Role
    region: int
    call: int | None = None
    operation: int | None = None
    name: str = ""
    values: tuple[int, ...] = ()
    failed: bool = False
    index: int = -1


@dataclass(frozen=True, slots=True)
class Edge:
    """Tensors that went from one node to another, as value ids in order of appearance."""

    tail: int
    head: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """The data flow inside one module call: the whole model's, or that of one part of it."""

    trace: Trace
    root: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    _children: dict[int, list[int]] = field(
        init=False, repr=False, compare=False, default_factory=dict[int, list[int]]
    )

    def __post_init__(self) -> None:
        for call in self.trace.calls:
            if call.parent is not None:
                self._children.setdefault(call.parent, []).append(call.index)

    @property
    def path(self) -> str:
        """The module that is drawn; empty for the whole model, even one that never began."""
        return self.trace.calls[self.root].path if self.trace.calls else ""

    def depth(self, call: int) -> int:
        """How many names deeper than the drawn module the module of a call lies."""
        return _names(self.trace.calls[call].path) - _names(self.path)

    def children(self, call: int) -> tuple[int, ...]:
        """The calls that ``call``'s forward made, in order."""
        return tuple(self._children.get(call, ()))

    def module(self, node: Node) -> Module | None:
        """The module whose call ``node`` is, if it is one."""
        return None if node.call is None else self.trace.module(self.trace.calls[node.call].path)

    @cached_property
    def accounts(self) -> Accounts:
        """What each operation does to the axes of its tensors."""
        return Accounts(self.trace)

    @cached_property
    def inner_words(self) -> InnerWords:
        """What is said of modules that are not opened: the same in every picture of the flow."""
        from cnnshape.rendering.diagram.inner_words import InnerWords

        return InnerWords(self.accounts, self._children)

    def operation(self, node: Node) -> Operation | None:
        """The operation that a node ran, if it is one."""
        return None if node.operation is None else self.trace.operations[node.operation]

    def operation_name(self, node: Node) -> str:
        """The function that an operation node ran; empty for others."""
        operation = self.operation(node)
        return "" if operation is None else shown_name(operation.name)

    def regions(self, region: int) -> tuple[int, ...]:
        """The container calls from the outermost drawn one (without the root) to ``region``."""
        chain: list[int] = []
        while region != self.root:
            chain.append(region)
            parent = self.trace.calls[region].parent
            if parent is None:
                break
            region = parent
        return tuple(reversed(chain))


def _names(path: str) -> int:
    return path.count(".") + 1 if path else 0


def is_atom(module: Module, has_children: bool, has_operations: bool) -> bool:
    """Whether a call is one node: a layer of torch, or one that ran nothing at all.

    A layer of ``torch.nn`` counts as one thing even though several functions run inside it;
    so does an author's subclass of one, and a module that hands on its input (``nn.Identity``).
    Any other module is a container of what it calls.
    """
    if has_children:
        return False
    inherits = module.builtin or module.kind != module.type
    return not has_operations or (inherits and module.kind not in _CONTAINERS)


def build_flow(trace: Trace, root: int = 0) -> Flow:
    """The graph of everything that ran inside the call ``root``.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU())
    >>> flow = build_flow(record(net, Inputs((torch.zeros(1, 4),))).trace)
    >>> [node.id for node in flow.nodes]
    ['input/input', '0', '1', 'output']
    >>> [(edge.tail, edge.head) for edge in flow.edges]
    [(0, 1), (1, 2), (2, 3)]
    """
    return _Builder(trace, root).build()


@dataclass
class _Builder:
    trace: Trace
    root: int
    names: Names = field(default_factory=Names)
    nodes: list[Node] = field(default_factory=list[Node])
    edges: dict[tuple[int, int], dict[int, None]] = field(
        default_factory=dict[tuple[int, int], dict[int, None]]
    )
    #: value → the node it was last handed out by. Filled in the order things ran, so a value
    #: that `nn.Identity` hands on belongs to the identity from then on.
    made_by: dict[int, int] = field(default_factory=dict[int, int])
    children: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    #: (value, source): a tensor that an operation gave back as it got it, as `x.to(x.dtype)` does.
    handed_on: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.trace)

    def build(self) -> Flow:
        trace = self.trace
        for call in trace.calls:
            if call.parent is not None:
                self.children.setdefault(call.parent, []).append(call.index)
        if trace.calls:
            root = trace.calls[self.root]
            self._inputs(root)
            self._call(root)
            if root.finished:
                self._outputs(root.outputs)
        else:  # the arguments did not even fit
            for group in _by_value(trace.inputs):
                self._input(group)
        edges = (Edge(tail, head, tuple(values)) for (tail, head), values in self.edges.items())
        return Flow(trace, self.root, tuple(self.nodes), tuple(edges))

    # ---- inputs and outputs -------------------------------------------------------------

    def _inputs(self, root: ModuleCall) -> None:
        named = self.trace.inputs if self.root == 0 else root.inputs
        for group in _by_value(named):
            self._input(group)

    def _input(self, group: list[NamedValue]) -> None:
        name = ", ".join(dict.fromkeys(named.name for named in group))
        if name.startswith("["):  # positions inside the model, where arguments have no name
            name = "input" if name == "[0]" else f"input {name}"
        self._add_input(f"input/{name}" if self.root == 0 else "input", name, group[0].value)

    def _add_input(self, identity: str, name: str, value: int) -> int:
        node = self._add(Node(identity, "input", self.root, name=name, values=(value,)))
        self.made_by[value] = node
        return node

    def _outputs(self, outputs: tuple[NamedValue, ...]) -> None:
        for group in _by_value(outputs):
            name = ", ".join(dict.fromkeys(named.name for named in group)) or "output"
            value = group[0].value
            node = self._add(Node("output", "output", self.root, name=name, values=(value,)))
            self._read(node, (value,))

    # ---- what ran -----------------------------------------------------------------------

    def _call(self, call: ModuleCall) -> None:
        start, stop = call.operations
        operations = self.trace.operations[start:stop]
        module = self.trace.module(call.path)
        children = self.children.get(call.index, [])
        if is_atom(module, bool(children), start != stop):
            self._atom(call, operations)
            return
        own = [op for op in operations if op.call == call.index]
        if own and not children and all(op.opaque for op in own):
            self._atom(call, operations)  # TorchScript: nothing of its inside is known
            return
        steps = [((self.trace.calls[child].operations[0], 0, child), child) for child in children]
        steps += [((op.index, 1, 0), op.index) for op in own]
        before = len(self.handed_on)
        for (_, is_operation, _), index in sorted(steps):
            if is_operation:
                self._operation(self.trace.operations[index], call)
            else:
                self._call(self.trace.calls[index])
        self._give_back(before, call)

    def _give_back(self, before: int, call: ModuleCall) -> None:
        """What ``call`` handed from one step to the next unchanged is the caller's own tensor.

        An RMSNorm begins with ``x.to(x.dtype)``, which is ``x``. A skip around the norm must not
        seem to come out of it.
        """
        given = {named.value for named in call.outputs}
        for value, source in self.handed_on[before:]:
            if value not in given and source in self.made_by:
                self.made_by[value] = self.made_by[source]

    def _atom(self, call: ModuleCall, operations: Iterable[Operation]) -> None:
        failure = self.trace.failure
        failed = failure is not None and failure.call == call.index and not call.finished
        region = call.parent if call.parent is not None and call.index != self.root else self.root
        path = call.path or self.trace.module(call.path).type
        identity = _with_run(path, call.call)
        node = self._add(Node(identity, "module", region, call=call.index, failed=failed))
        inside = list(operations)
        made = {value for op in inside for value in op.outputs}
        reads = [named.value for named in call.inputs]
        reads += [value for op in inside for value in op.inputs if value not in made]
        self._read(node, reads)
        for value in (*made, *(named.value for named in call.outputs)):
            self.made_by[value] = node
        for op in inside:
            self._note_handed_on(op)

    def _operation(self, op: Operation, call: ModuleCall) -> None:
        owner = _with_run(call.path, call.call)
        identity = f"{owner}/{op.name}" if owner else op.name
        node = self._add(
            Node(identity, "operation", call.index, operation=op.index, failed=op.failed)
        )
        self._read(node, op.inputs)
        for value in op.outputs:
            self.made_by[value] = node
        self._note_handed_on(op)

    def _note_handed_on(self, op: Operation) -> None:
        values = self.trace.values
        dropped = "dropout" in op.name and self.trace.execution.mode == "eval"
        entry = self.accounts.entry(op)
        copied = entry is not None and entry.family == "copying"
        if not copied and not dropped:
            return
        for made in op.outputs:
            source = values[made].alias_of
            if source in op.inputs and values[source].dtype == values[made].dtype:
                self.handed_on.append((made, source))

    # ---- helpers ------------------------------------------------------------------------

    def _add(self, node: Node) -> int:
        """The place that a node gets; its id becomes the first of its kind that is free."""
        index = len(self.nodes)
        self.nodes.append(replace(node, id=self.names.unique(node.id), index=index))
        return index

    def _read(self, head: int, values: Iterable[int]) -> None:
        for value in values:
            tail = self.made_by.get(value)
            if tail is None and self.root != 0:
                tail = self._outside(value)
            if tail is not None and tail != head:
                self.edges.setdefault((tail, head), {})[value] = None

    def _outside(self, value: int) -> int | None:
        """A tensor from outside the drawn part that did not come as an argument."""
        if self.trace.values[value].origin not in ("input", "operation"):
            return None
        return self._add_input("input", "from outside", value)


def _with_run(path: str, run: int) -> str:
    return path if run == 0 else f"{path}@{run + 1}"


def _by_value(named: Iterable[NamedValue]) -> list[list[NamedValue]]:
    """The names grouped by the tensor behind them: one tensor may be passed twice."""
    groups: dict[int, list[NamedValue]] = {}
    for one in named:
        groups.setdefault(one.value, []).append(one)
    return list(groups.values())
