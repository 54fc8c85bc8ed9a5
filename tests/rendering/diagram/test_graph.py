"""The graph before anything is folded: every tensor that flowed, and none that did not."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from cnnshape.models.basic_cnn import BasicCNN
from cnnshape.models.lenet import LeNet
from cnnshape.rendering.diagram.dataflow import Flow, build_flow
from cnnshape.tracing.execute import Inputs, record
from tests.rendering.diagram.models import InPlace, Loop, Siamese, TwoHeads


def flow_of(model: nn.Module, *shapes: tuple[int, ...], only: str = "") -> Flow:
    trace = record(model, Inputs(tuple(torch.zeros(s) for s in shapes))).trace
    root = next(call.index for call in trace.calls if call.path == only)
    return build_flow(trace, root)


def edges_of(flow: Flow) -> set[tuple[str, str]]:
    return {(flow.nodes[e.tail].id, flow.nodes[e.head].id) for e in flow.edges}


def chain(*ids: str) -> set[tuple[str, str]]:
    return set(pairwise(ids))


def test_a_chain_of_layers_and_functions():
    expected = chain(
        "input/x", "C1", "R1", "S1", "C2", "R2", "S2", "C3", "R3", "view", "F4", "R4", "OUT",
        "output",
    )  # fmt: skip
    assert edges_of(flow_of(LeNet(), (1, 1, 28, 28))) == expected


def test_a_module_that_runs_twice_is_two_nodes():
    flow = flow_of(BasicCNN(), (1, 1, 28, 28))
    assert {"pooling", "pooling@2"} <= {node.id for node in flow.nodes}
    assert ("conv2", "pooling@2") in edges_of(flow)
    assert ("conv2", "pooling") not in edges_of(flow)


def test_two_inputs_through_shared_layers_stay_apart():
    edges = edges_of(flow_of(Siamese(), (1, 1, 9, 9), (1, 1, 9, 9)))
    assert chain("input/left", "encoder.0", "encoder.1", "encoder.2", "mean", "fc", "sub") <= edges
    second = chain("input/right", "encoder.0@2", "encoder.1@2", "encoder.2@2", "mean.2", "fc@2")
    assert second | {("fc@2", "sub"), ("sub", "output")} <= edges
    assert ("input/right", "encoder.0") not in edges


def test_named_outputs_have_a_node_each():
    flow = flow_of(TwoHeads(), (1, 6))
    names = [node.name for node in flow.nodes if node.role == "output"]
    assert names == ["score", "box"]
    assert {("score", "output"), ("box", "output.2")} <= edges_of(flow)


def test_writing_in_place_makes_later_readers_depend_on_the_writer():
    edges = edges_of(flow_of(InPlace(), (1, 3, 8, 8)))
    assert edges == {
        ("input/x", "a"), ("a", "b"), ("b", "relu"), ("relu", "add"), ("a", "add"),
        ("a", "getitem"), ("add", "setitem"), ("getitem", "setitem"), ("setitem", "output"),
    }  # fmt: skip


def test_an_identity_hands_its_input_on():
    net = nn.Sequential(nn.Linear(4, 4), nn.Identity(), nn.ReLU())
    assert edges_of(flow_of(net, (1, 4))) == chain("input/input", "0", "1", "2", "output")


def test_one_part_alone_has_its_arguments_as_inputs():
    flow = flow_of(Siamese(), (1, 1, 9, 9), (1, 1, 9, 9), only="encoder")
    assert edges_of(flow) == chain("input", "encoder.0", "encoder.1", "encoder.2", "output")


def test_a_layer_of_torch_is_one_node_however_many_functions_it_runs():
    flow = flow_of(nn.MultiheadAttention(8, 2), (5, 1, 8), (5, 1, 8), (5, 1, 8))
    assert [node.role for node in flow.nodes].count("module") == 1


def test_a_failing_layer_is_marked_and_has_its_input():
    trace = record(nn.Sequential(nn.Linear(4, 5), nn.Linear(6, 7)), Inputs((torch.zeros(1, 4),)))
    flow = build_flow(trace.trace)
    assert [node.id for node in flow.nodes if node.failed] == ["1"]
    assert edges_of(flow) == chain("input/input", "0", "1")


def test_a_failing_function_is_marked():
    class Net(nn.Module):
        def forward(self, x):
            return x.relu().view(3, 3)

    flow = build_flow(record(Net(), Inputs((torch.zeros(1, 4),))).trace)
    assert [node.id for node in flow.nodes if node.failed] == ["view"]
    assert ("relu", "view") in edges_of(flow)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_loop_is_unrolled(steps: int):
    flow = flow_of(Loop(), (2, steps, 4))
    cells = [node.id for node in flow.nodes if node.id.startswith("cell")]
    assert cells == [f"cell@{n + 1}" if n else "cell" for n in range(steps)]
    assert chain(*cells) <= edges_of(flow)


def test_every_input_of_every_operation_is_an_edge():
    """Counted the other way round: operation by operation, straight from the recording."""
    trace = record(InPlace(), Inputs((torch.zeros(1, 3, 8, 8),))).trace
    flow = build_flow(trace)
    node_of = {}
    for node in flow.nodes:
        if node.operation is not None:
            node_of[node.operation] = node.id
        elif node.call is not None:
            start, stop = trace.calls[node.call].operations
            node_of.update(dict.fromkeys(range(start, stop), node.id))
    expected = {
        (node_of[producer], node_of[op.index])
        for op in trace.operations
        for value in op.inputs
        if (producer := trace.values[value].producer) is not None
    }
    ours = {edge for edge in edges_of(flow) if not edge[0].startswith("input")}
    assert {edge for edge in ours if edge[1] != "output"} == {e for e in expected if e[0] != e[1]}
