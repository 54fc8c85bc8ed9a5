"""What depends on what, according to torch.fx: the independent judge of our graph."""

from __future__ import annotations

import torch
from torch import fx, nn

Dependencies = set[tuple[str, str]]


def contracted(edges: set[tuple[str, str]], keep: set[str]) -> Dependencies:
    """The edges between the kept names, with everything between them followed through."""
    before: dict[str, set[str]] = {}
    for tail, head in edges:
        before.setdefault(head, set()).add(tail)
    found: Dependencies = set()
    for name in keep:
        seen: set[str] = set()
        todo = list(before.get(name, ()))
        while todo:
            other = todo.pop()
            if other in seen:
                continue
            seen.add(other)
            if other in keep:
                found.add((other, name))
            else:
                todo.extend(before.get(other, ()))
    return found


class _Interpreter(fx.Interpreter):
    """Runs the graph and remembers which nodes gave tensors (sizes are no tensors)."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.tensors: set[str] = set()

    def run_node(self, n: fx.Node):
        result = super().run_node(n)
        found: list[torch.Tensor] = []
        torch.utils._pytree.tree_map_only(torch.Tensor, found.append, result)
        if found:
            self.tensors.add(n.name)
        return result


def transparent(module: nn.Module) -> bool:
    """Hands its very input on, so that a reader of either cannot be told from the other."""
    return isinstance(module, nn.Identity | nn.Dropout | nn.Dropout2d | nn.Dropout3d) or (
        type(module).__name__ in ("StochasticDepth", "DropPath")
    )


def fx_dependencies(model: nn.Module, *inputs: torch.Tensor) -> Dependencies:
    """Module call → module call, by tensors; calls are ``path`` and ``path@2``."""
    graph = fx.symbolic_trace(model)
    interpreter = _Interpreter(graph)
    interpreter.run(*inputs)
    modules = dict(model.named_modules())
    names: dict[str, str] = {}
    runs: dict[str, int] = {}
    for node in graph.graph.nodes:
        if node.op == "call_module":
            target = str(node.target)
            runs[target] = runs.get(target, 0) + 1
            if not transparent(modules[target]):
                run = runs[target]
                names[node.name] = target if run == 1 else f"{target}@{run}"
        elif node.op == "placeholder":
            names[node.name] = f"input/{node.target}"
        elif node.op == "output":
            names[node.name] = "output"
    edges = {
        (names.get(source.name, source.name), names.get(node.name, node.name))
        for node in graph.graph.nodes
        for source in node.all_input_nodes
        if source.name in interpreter.tensors
    }
    return contracted(edges, set(names.values()))


def our_dependencies(model: nn.Module, *inputs: torch.Tensor) -> tuple[Dependencies, bool]:
    """The same from our graph, and whether every output can be reached from an input."""
    from cnnshape.rendering.diagram.dataflow import build_flow
    from cnnshape.tracing.execute import Inputs, record

    trace = record(model, Inputs(inputs), device="meta").trace
    assert trace.failure is None, trace.failure
    flow = build_flow(trace)
    modules = dict(model.named_modules())
    names = {n.index: "output" if n.role == "output" else n.id for n in flow.nodes}
    kept = {
        names[n.index]
        for n in flow.nodes
        if n.role in ("input", "output")
        or (n.call is not None and _compared(modules[trace.calls[n.call].path]))
    }
    edges = {(names[edge.tail], names[edge.head]) for edge in flow.edges}
    return contracted(edges, kept), _connected(edges)


def _compared(module: nn.Module) -> bool:
    """fx looks into an author's subclass of a layer; there it has no node of its own."""
    return type(module).__module__.startswith("torch.nn") and not transparent(module)


def _connected(edges: set[tuple[str, str]]) -> bool:
    reached = {tail for tail, _ in edges if tail.startswith("input")}
    grown = True
    while grown:
        new = {head for tail, head in edges if tail in reached} - reached
        reached |= new
        grown = bool(new)
    return "output" in reached
