"""Two models beside each other: who belongs to whom, and what differs."""

from __future__ import annotations

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

import cnnshape
from cnnshape.analysis.alignment import Node, aligned, below, tree
from cnnshape.analysis.compare import Comparison


def compared(a: nn.Module, b: nn.Module, shape: tuple[int, ...] = (1, 3, 8, 8)) -> Comparison:
    return cnnshape.compare(a, b, shape)


def told(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Status and both paths of every layer that differs."""
    return [
        (layer.status, layer.a.label if layer.a else "", layer.b.label if layer.b else "")
        for layer in comparison.layers
        if layer.status != "same"
    ]


def block(norm: bool = False, width: int = 4) -> nn.Sequential:
    norms = [nn.BatchNorm2d(width)] if norm else []
    return nn.Sequential(nn.Conv2d(3, width, 3), *norms, nn.ReLU(), nn.Conv2d(width, 2, 3))


def test_a_model_equals_itself() -> None:
    both = compared(block(), block())
    assert both.equal
    assert both.counts == {"same": 4, "changed": 0, "renamed": 0, "added": 0, "removed": 0}


def test_what_is_put_in_between_shifts_no_other() -> None:
    assert told(compared(block(), block(norm=True))) == [
        ("added", "", "1"),
        ("renamed", "1", "2"),
        ("renamed", "2", "3"),
    ]
    assert told(compared(block(norm=True), block())) == [
        ("removed", "1", ""),
        ("renamed", "2", "1"),
        ("renamed", "3", "2"),
    ]


def test_another_width_changes_what_has_it() -> None:
    both = compared(block(), block(width=6))
    assert told(both) == [("changed", "0", "0"), ("changed", "1", "1"), ("changed", "2", "2")]
    first, _, last = (layer for layer in both.layers if layer.status == "changed")
    assert first.changes == ("output", "parameters", "settings")
    assert first.settings == {"out_channels": (4, 6)}
    assert last.changes == ("input", "parameters", "settings")
    # 3·4·9 + 4 and 3·6·9 + 6; 4·2·9 + 2 and 6·2·9 + 2
    assert (first.a.params, first.b.params, last.a.params, last.b.params) == (112, 168, 74, 110)
    assert (both.a.params, both.b.params) == (186, 278)
    # 36 positions of 3·4·9, 16 of 4·2·9
    assert (both.a.macs, both.b.macs) == (36 * 108 + 16 * 72, 36 * 162 + 16 * 108)


class Wrapped(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.add_module(name, block())
        self.head = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        body, head = self.children()
        return head(body(x))


def test_a_container_with_another_name_is_one_renaming() -> None:
    assert told(compared(Wrapped("body"), Wrapped("backbone"))) == [("renamed", "body", "backbone")]


def test_what_moved_into_a_container_is_found_there() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.act, self.last = block().children()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.act(self.first(x)))

    both = compared(Flat(), Wrapped("body"))
    assert ("renamed", "first", "body.0") in told(both)
    assert ("renamed", "last", "body.2") in told(both)
    assert ("added", "", "head") in told(both)
    assert ("added", "", "body") in told(both)


def test_a_relu_that_became_a_gelu_is_a_change() -> None:
    a, b = block(), block()
    b[1] = nn.GELU()
    (change,) = (layer for layer in compared(a, b).layers if layer.status != "same")
    assert (change.status, change.changes, change.a.type, change.b.type) == (
        "changed",
        ("type",),
        "ReLU",
        "GELU",
    )


def test_another_setting_alone_is_a_change() -> None:
    a, b = nn.Sequential(nn.LeakyReLU(0.1)), nn.Sequential(nn.LeakyReLU(0.2))
    (change,) = (layer for layer in compared(a, b).layers if layer.status != "same")
    assert change.settings == {"negative_slope": (0.1, 0.2)}


def test_a_second_call_is_told() -> None:
    class Twice(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.layer, self.times = nn.Conv2d(3, 3, 1), times

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(self.times):
                x = self.layer(x)
            return x

    assert ("added", "", "layer[1]") in told(compared(Twice(1), Twice(2)))


def test_a_model_that_raises_is_not_equal() -> None:
    bad = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(5, 2, 3))
    both = compared(bad, bad)
    assert not both.equal
    assert both.a.error is not None


def test_a_deep_tree_is_no_matter() -> None:
    def nested(depth: int) -> nn.Module:
        net: nn.Module = nn.Linear(2, 2)
        for _ in range(depth):
            net = nn.Sequential(net)
        return net

    a, b = (
        tree({path: Node(path, "S", "S", 1) for path in _paths(nested(1200))}) for _ in range(2)
    )
    assert len(aligned(a, b)) == 1201


def _paths(net: nn.Module) -> list[str]:
    paths, path = [""], ""
    while next(iter(net.children()), None) is not None:
        ((name, net),) = net.named_children()
        path = f"{path}.{name}" if path else name
        paths.append(path)
    return paths


trees = st.recursive(
    st.sampled_from(["Conv2d", "ReLU", "Linear"]),
    lambda below: st.lists(below, min_size=1, max_size=4),
    max_leaves=12,
)


def _tree(shape: object, path: str = "", name: str = "") -> Node:
    if isinstance(shape, str):
        return Node(path, shape, shape, int(shape != "ReLU"))
    children = [_tree(one, f"{path}.{n}" if path else str(n)) for n, one in enumerate(shape)]
    return Node(path, "Sequential", "Sequential", 0, children)


@given(trees, trees)
@example([["Conv2d"], "Conv2d", "Linear"], ["Conv2d", ["Linear"]])  # a child that had moved
def test_every_module_has_one_partner_at_most(one: object, other: object) -> None:
    a, b = _tree([one]), _tree([other])
    pairs = aligned(a, b)
    assert len(set(pairs.values())) == len(pairs)
    assert set(pairs) <= set(below(a))
    assert set(pairs.values()) <= set(below(b))
    assert pairs[a] is b


@given(trees, st.integers(0, 5), st.sampled_from(["Dropout", "GELU"]))
def test_one_layer_more_is_one_layer_added(one: object, place: int, new: str) -> None:
    children = one if isinstance(one, list) else [one]
    more = [*children[:place], new, *children[place:]]
    a, b = _tree(children), _tree(more)
    found = set(aligned(a, b).values())
    assert [node.type for node in below(b) if node not in found] == [new]
