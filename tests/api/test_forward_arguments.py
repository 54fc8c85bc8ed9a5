"""Any argument of forward: the report is about the computation that torch would run."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape
from cnnshape.api.fields import measured_fields
from cnnshape.errors import UsageError

X = torch.rand(2, 4)


class Linear(nn.Module):
    """4 → 5 features: 40 multiply-accumulates for two rows."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 5)


class Mode(Linear):
    def forward(self, x, mode="train"):
        return self.l(x) if mode == "train" else x


class Up(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x, size):
        return F.interpolate(self.c(x), size=size)


class Texts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)

    def forward(self, texts):
        return self.fc(torch.tensor([[len(t), t.count(" ")] for t in texts]).float())


class Batch(Linear):
    def forward(self, batch):
        return self.l(batch["x"]) if batch["label"] == "cat" else batch["x"]


class Graph(Linear):
    def forward(self, data):
        data.x = self.l(data.x)
        return data.x.relu()


class Array(Linear):
    def forward(self, a, scale=1.0):
        return self.l(torch.from_numpy(a)) * scale


class Open(Linear):
    def forward(self, x, *more, **options):
        return self.l(x)


class Store(dict):
    """Where a graph of torch_geometric keeps what it is asked for."""


class Data:
    """Like torch_geometric's: attributes in a store, can be called."""

    def __init__(self, **given: Any) -> None:
        self.__dict__["_store"] = Store(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._store:
            raise AttributeError(name)
        return self._store[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._store[name] = value

    def __call__(self) -> None:
        raise AssertionError


@dataclasses.dataclass(frozen=True)
class Sample:
    x: torch.Tensor
    label: str = "cat"


@dataclasses.dataclass(slots=True)
class Slotted:
    x: torch.Tensor


class Odd:
    def __init__(self) -> None:
        self.x = X

    def __hash__(self) -> int:
        raise TypeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise TypeError("no comparison")


def handed(report: cnnshape.Report) -> dict[str, object]:
    return {row["name"]: row.get("value", row["shape"]) for row in report.to_dict()["inputs"]}


# ---- options ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("how", ["dict", "tuple", "kwargs", "args", "text"])
def test_a_word_is_the_word(mode: str, how: str) -> None:
    net = Mode()
    given: dict[str, Any] = {
        "dict": {"inputs": {"x": X, "mode": mode}},
        "tuple": {"inputs": (X, mode)},
        "kwargs": {"inputs": X, "kwargs": {"mode": mode}},
        "args": {"args": (X, mode)},
        "text": {"inputs": ("2,4", mode)},
    }[how]
    report = cnnshape.inspect(net, **given)
    assert report.outputs[0].shape == tuple(net(X, mode=mode).shape)
    assert report.totals.macs == (40 if mode == "train" else 0)
    assert handed(report) == {"x": [2, 4], "mode": repr(mode)}
    assert f"input x 2×4 float32   mode '{mode}'   output" in report.to_text()


@pytest.mark.parametrize("size", [(16, 12), [16, 12], torch.Size((16, 12))])
def test_a_size_is_the_size(size: Any) -> None:
    x = torch.rand(1, 3, 8, 8)
    for given in ((x, size), {"x": x, "size": size}):
        assert cnnshape.inspect(Up(), given).outputs[0].shape == (1, 4, 16, 12)
    for more in ({"args": (x, size)}, {"inputs": (1, 3, 8, 8), "kwargs": {"size": size}}):
        assert cnnshape.inspect(Up(), **more).outputs[0].shape == (1, 4, 16, 12)


def test_numbers_beside_a_shape_as_a_text() -> None:
    for size in (16, 16.0):
        report = cnnshape.inspect(Up(), ("1,3,8,8", size))
        assert handed(report) == {"x": [1, 3, 8, 8], "size": repr(size)}
    assert cnnshape.inspect(Up(), ("1,3,8,8", 16)).outputs[0].shape == (1, 4, 16, 16)


def test_a_tuple_that_was_meant_as_a_tensor_is_told() -> None:
    for given in ((X, (2, 4)), {"input1": X, "input2": (2, 4)}):
        report = cnnshape.inspect(nn.Bilinear(4, 4, 5), given)
        assert report.error is not None
        assert report.notes[-1] == (
            '(2, 4) went to forward as it is: for a tensor of that shape write "2,4"'
        )
    assert cnnshape.inspect(nn.Bilinear(4, 4, 5), (X, "2,4")).error is None


def test_sentences() -> None:
    for given in ((["a b c", "d"],), {"texts": ["yes", "no"]}, {"texts": ["a", "b"]}):
        report = cnnshape.inspect(Texts(), given)
        assert report.outputs[0].shape == (2, 3)
        assert report.totals.macs == 2 * 2 * 3
    assert handed(report) == {"texts": "['a', 'b']"}


def test_every_function_takes_args_and_kwargs() -> None:
    net, args, kwargs = Mode(), (X,), {"mode": "train"}
    assert cnnshape.check(net, args=args, kwargs=kwargs, max_macs=40).ok
    assert not cnnshape.check(net, args=args, kwargs=kwargs, max_macs=39).ok
    assert "Linear" in cnnshape.draw(net, args=args, kwargs=kwargs).source
    accepted = cnnshape.sizes(net, ("N", "F"), kwargs=kwargs, range=(1, 8))
    assert accepted.letters["F"].ranges == ((4, 4),)
    free = cnnshape.sizes(net, ("N", "F"), kwargs={"mode": "test"}, range=(1, 8))
    assert free.letters["F"].ranges == ((1, 8),)
    with pytest.raises(UsageError, match="letter"):
        cnnshape.sizes(net, args=args, kwargs=kwargs)
    picture = torch.rand(1, 3, 16, 16)
    fields = measured_fields(Up(), args=(picture,), kwargs={"size": (7, 7)})
    assert {field.path: field.status for field in fields}["c"] == "equal"
    assert cnnshape.explain_error(net, X, mode="train").error is None


def test_letters_beside_an_option() -> None:
    report = cnnshape.inspect(Mode(), ("N", 4), kwargs={"mode": "train"})
    assert report.outputs[0].shape == ("N", 5)
    assert handed(report) == {"x": ["N", 4], "mode": "'train'"}


# ---- what a container, an object, an array holds ----------------------------------------------


@pytest.mark.parametrize("given", [
    Data(x=X, label="cat"), SimpleNamespace(x=X), Slotted(X), Odd(), SimpleNamespace(g=1, x=X),
], ids=lambda thing: type(thing).__name__)  # fmt: skip
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tensors_inside_an_object(given: Any, device: str) -> None:
    report = cnnshape.inspect(Graph(), given, device=device)
    assert report.error is None
    assert [(row.name, row.shape) for row in report.inputs] == [("data.x", (2, 4))]
    assert report.layer("l").input_shapes == ((2, 4),)
    assert report.totals.macs == 40
    assert [op.name for op in report.trace.operations] == ["linear", "relu"]
    assert "data.x" in cnnshape.draw(Graph(), given).source
    assert given.x is X  # the forward set an attribute of a copy


def test_a_dataclass_shows_its_tensors_and_the_rest() -> None:
    class Net(Linear):
        def forward(self, sample):
            return self.l(sample.x)

    report = cnnshape.inspect(Net(), Sample(X))
    assert handed(report) == {"sample.x": [2, 4], "sample.label": "'cat'"}
    assert report.totals.macs == 40


def test_records_within_records() -> None:
    class Net(Linear):
        def forward(self, batch):
            return self.l(batch.graphs[0].data.x)

    given = SimpleNamespace(graphs=[SimpleNamespace(data=Data(x=X))])
    report = cnnshape.inspect(Net(), given)
    assert [row.name for row in report.inputs] == []  # an object in a record is not followed
    given = SimpleNamespace(graphs=[SimpleNamespace(data=Sample(X))])
    report = cnnshape.inspect(Net(), given)
    assert [row.name for row in report.inputs] == ["batch.graphs[0].data.x"]


def test_what_the_forward_writes_stays_in_the_copy() -> None:
    class Net(nn.Module):
        def forward(self, cache, x):
            cache.rows[0].add_(1)
            cache.rows.append(x)
            return cache.rows[0] + x

    rows = torch.zeros(2)
    cache = SimpleNamespace(rows=[rows])
    assert cnnshape.inspect(Net(), (cache, torch.ones(2))).error is None
    assert len(cache.rows) == 1
    assert cache.rows[0] is rows
    assert rows.tolist() == [0, 0]


def test_one_object_given_twice_is_one() -> None:
    class Net(Linear):
        def forward(self, a, b):
            assert a is b
            return self.l(a.x)

    given = SimpleNamespace(x=X)
    assert cnnshape.inspect(Net(), (given, given)).error is None


def test_an_object_that_cannot_be_copied_is_itself() -> None:
    class Stubborn(SimpleNamespace):
        def __copy__(self) -> None:
            raise RuntimeError("no")

    assert cnnshape.inspect(Graph(), Stubborn(x=X)).totals.macs == 40


def test_arrays_show_their_shape() -> None:
    a = np.zeros((2, 4), dtype="float32")
    report = cnnshape.inspect(Array(), (a, 2.0))
    assert report.totals.macs == 40
    assert report.to_dict()["inputs"] == [
        {"name": "a", "shape": [2, 4], "dtype": "float32", "value": "ndarray"},
        {"name": "scale", "shape": None, "dtype": None, "value": "2.0"},
    ]
    assert "input a 2×4 float32 ndarray   scale 2.0   output 2×5 float32" in report.to_text()


def test_options_are_shown_short_and_escaped() -> None:
    class Loud:
        def __repr__(self) -> str:
            return "\x1b[31mred\n" + "x" * 1000

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    class Plain:
        pass

    options = {"a": Loud(), "b": Silent(), "c": Plain(), "d": ["y" * 500] * 50, "e": torch.relu}
    report = cnnshape.inspect(Open(), X, kwargs=options)
    shown = {row.name: row.value for row in report.options}
    assert shown["a"].startswith("\\x1b[31mred xxx")
    assert shown["b"] == "<Silent instance>"
    assert shown["c"] == "Plain object"
    assert max(map(len, shown.values())) <= 60
    assert "\x1b" not in report.to_text()
    json.dumps(report.to_dict())


# ---- dictionaries, and what is swallowed ------------------------------------------------------


def test_a_dict_for_a_forward_that_takes_one() -> None:
    report = cnnshape.inspect(Batch(), {"x": X, "label": "cat"})
    assert report.totals.macs == 40
    assert handed(report) == {"batch.x": [2, 4], "batch.label": "'cat'"}
    assert report.notes[0] == (
        "forward takes no 'x' or 'label': the dictionary is handed over as its one argument, batch"
    )
    assert cnnshape.inspect(Batch(), {"x": X, "label": "dog"}).totals.macs == 0
    named = cnnshape.inspect(Batch(), {"batch": {"x": X, "label": "cat"}})
    assert (named.totals.macs, named.notes) == (40, ())
    assert cnnshape.inspect(Batch(), {"x": (2, 4), "label": "cat"}).totals.macs == 40


def test_a_dict_with_other_keys_than_texts() -> None:
    class Net(Linear):
        def forward(self, levels):
            return self.l(levels[0])

    assert cnnshape.inspect(Net(), {0: X}).totals.macs == 40
    with pytest.raises(UsageError, match="has no input 0: inputs are named by texts"):
        cnnshape.inspect(Mode(), {0: X})


def test_a_dict_is_not_handed_to_what_takes_a_tensor() -> None:
    class Annotated(Linear):
        def forward(self, x: torch.Tensor):
            return self.l(x)

    for net in (Annotated(), nn.Linear(4, 5), "mlp"):
        with pytest.raises(UsageError, match="has no input 'y'"):
            cnnshape.inspect(net, {"y": X})


def test_what_is_swallowed_is_said() -> None:
    report = cnnshape.inspect(Open(), (X, X, X), kwargs={"maks": 1})
    assert report.notes == (
        "forward names 1 input: the last 2 inputs go into *more, where they may be ignored",
        "forward names no input 'maks': it goes into **options, where it may be ignored",
    )
    assert cnnshape.inspect(Open(), X).notes == ()

    class Joins(nn.Module):
        def forward(self, *tensors):
            return torch.cat(tensors)

    assert cnnshape.inspect(Joins(), (X, X)).notes == ()


# ---- what cannot be run -----------------------------------------------------------------------


class Table(Linear):
    """Beyond what is run for real without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.e = nn.Embedding(260_000, 100)

    def forward(self, x):
        return self.l(x)


class Refusing(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError("mine only")


class Uncomparable(torch.Tensor):
    def __hash__(self) -> int:
        raise TypeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise TypeError("no comparison")


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
@pytest.mark.parametrize("net", [Mode, Table])
def test_nested_tensors_run(layout: torch.layout, net: type[nn.Module]) -> None:
    given = torch.nested.nested_tensor([torch.rand(2, 4), torch.rand(3, 4)], layout=layout)
    report = cnnshape.inspect(net(), given)
    assert report.error is None
    # A jagged one needs no numbers there.
    assert report.device == ("meta" if (net, layout) == (Table, torch.jagged) else "cpu")
    assert report.inputs[0].shape[::2] == (2, 4)


def test_what_cannot_be_put_there_is_one_sentence() -> None:
    nested = torch.nested.nested_tensor([torch.rand(2, 4), torch.rand(3, 4)])
    with pytest.raises(UsageError, match=r"^a nested tensor .* on meta .* or --device cpu$"):
        cnnshape.inspect(Mode(), nested, device="meta")
    for device in ("auto", "cpu", "meta"):
        with pytest.raises(UsageError, match=r"^a Refusing that was .* \(mine only\)"):
            cnnshape.inspect(Table(), torch.rand(2, 4).as_subclass(Refusing), device=device)


def test_an_odd_comparison_matters_to_nobody() -> None:
    for net in (Mode(), Table()):
        given = torch.rand(2, 4).as_subclass(Uncomparable)
        assert cnnshape.inspect(net, given).totals.macs == 40
    wrong = torch.rand(2, 3).as_subclass(Uncomparable)
    error = cnnshape.inspect(Mode(), wrong).error
    assert error is not None
    assert error.diagnosis == "l expects 4 features, but 3 arrive"
    assert cnnshape.check(Graph(), Odd()).ok


def test_a_module_without_its_init() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            self.size = 3

        def forward(self, x):
            return x

    outer = nn.Sequential(nn.ReLU(), nn.Sequential(Bare()))
    for net, place in ((Bare(), ""), (outer, " (1.0)")):
        words = f"Bare.__init__{place} does not call super().__init__(): "
        words += "it has to be its first line"
        for function in (
            cnnshape.inspect,
            cnnshape.check,
            cnnshape.draw,
            cnnshape.sizes,
            cnnshape.explain_error,
        ):
            with pytest.raises(UsageError) as error:
                function(net, (1, 3))
            assert str(error.value) == words
        with pytest.raises(UsageError) as error:
            cnnshape.params(net)
        assert str(error.value) == words
