"""Two architectures side by side: what came, went, moved, or has other sizes, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

from cnnshape.analysis.alignment import Node, aligned, below, tree
from cnnshape.analysis.report import ErrorReport, Layer, Report
from cnnshape.shown import Shown
from cnnshape.tracing.trace import Dim, Shape

Status = Literal["same", "changed", "renamed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Side:
    """One layer of one of the two models: a call of a module, as far as it is compared.

    ``settings`` is None where they are not known, as in a file of an earlier day.
    """

    path: str
    type: str
    call: int
    called: bool
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    params: int | None
    macs: Dim | None
    settings: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """The path, with the call's number from the second on."""
        return f"{self.path}[{self.call}]" if self.call else self.path

    def to_dict(self) -> dict[str, Any]:
        """The side as the JSON result has it."""
        return {
            "path": self.path,
            "type": self.type,
            "call": self.call,
            "called": self.called,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "params": self.params,
            "macs": self.macs,
        }


@dataclass(frozen=True)
class Compared:
    """One of the two models.

    Attributes:
        name: how the reader called it.
        class_name: the class of the root.
        sides: its layers in call order, the root first.
        tensors: parameters and buffers by name with their sizes; None where they are not known.
        error: why it raised, if it did; its layers end there.
        report: what it was read from; None of a file.
    """

    name: str
    class_name: str
    sides: tuple[Side, ...]
    tensors: Mapping[str, tuple[int, ...] | None] | None = None
    error: ErrorReport | None = None
    report: Report | None = field(default=None, repr=False, compare=False)

    @property
    def params(self) -> int | None:
        """All parameters; None where a lazy one has none yet."""
        counts = [side.params for side in self.sides]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def macs(self) -> Dim | None:
        """All multiply-accumulates of a pass; None where not all are known."""
        if self.report is not None:
            return self.report.totals.macs
        total = 0
        for side in self.sides:
            if not isinstance(side.macs, int):
                return None
            total += side.macs
        return total


@dataclass(frozen=True, slots=True)
class Change:
    """A layer of either model, with its partner in the other.

    Attributes:
        a, b: it in the first and in the second model; None where there is none.
        changes: what differs, any of ``name``, ``type``, ``input``, ``output``, ``parameters``,
            ``settings``, ``called``.
        inside: it came or went with a module above it.
        container: it has modules in it, whose rows say what differs there.
    """

    a: Side | None
    b: Side | None
    changes: tuple[str, ...] = ()
    inside: bool = False
    container: bool = False

    @property
    def status(self) -> Status:
        """What became of it."""
        if self.a is None:
            return "added"
        if self.b is None:
            return "removed"
        if not self.changes:
            return "same"
        return "renamed" if self.changes == ("name",) else "changed"

    @property
    def settings(self) -> dict[str, tuple[Any, Any]]:
        """The settings that differ, as both have them."""
        if self.a is None or self.b is None:
            return {}
        return _other_settings(self.a, self.b)

    def to_dict(self) -> dict[str, Any]:
        """The change as the JSON result has it."""
        return {
            "status": self.status,
            "changes": list(self.changes),
            "a": self.a.to_dict() if self.a else None,
            "b": self.b.to_dict() if self.b else None,
            "settings": {name: list(both) for name, both in self.settings.items()},
        }


@dataclass(frozen=True, slots=True)
class WeightsFit:
    """Which tensors of a checkpoint fit one model.

    Attributes:
        file: the checkpoint.
        fitting: names of which file and model have the same size.
        other_size: name → (the file's size, the model's).
        missing: names that the model has and the file lacks.
        unused: names that only the file has.
    """

    file: str
    fitting: tuple[str, ...]
    other_size: Mapping[str, tuple[tuple[int, ...], tuple[int, ...] | None]]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fit as the JSON result has it."""
        return {
            "file": self.file,
            "fitting": list(self.fitting),
            "other_size": {
                name: [list(file), None if model is None else list(model)]
                for name, (file, model) in self.other_size.items()
            },
            "missing": list(self.missing),
            "unused": list(self.unused),
        }


@dataclass(frozen=True)
class Comparison(Shown):
    """Two models, layer beside layer; shows itself: ``print(comparison)``.

    Attributes:
        a, b: the models.
        layers: every layer of either, in the order of the second; what is gone stands where it was.
        weights: of a checkpoint, what fits ``a`` and what fits ``b``.
    """

    _written_by: ClassVar = "cnnshape.rendering.compare"

    a: Compared
    b: Compared
    layers: tuple[Change, ...]
    weights: tuple[WeightsFit, WeightsFit] | None = None

    @property
    def equal(self) -> bool:
        """Whether both have the same layers with the same sizes, under the same names."""
        both = (self.a.error, self.b.error)
        return both == (None, None) and not any(self.counts[s] for s in _DIFFERENT)

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """How many layers are the same, changed, renamed, added and removed."""
        found: dict[Status, int] = dict.fromkeys(("same", *_DIFFERENT), 0)
        for layer in self.layers:
            found[layer.status] += 1
        return found

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data."""
        return {
            "schema": 1,
            "equal": self.equal,
            "a": _model(self.a),
            "b": _model(self.b),
            "counts": dict(self.counts),
            "layers": [layer.to_dict() for layer in self.layers],
            "weights": None if self.weights is None else [fit.to_dict() for fit in self.weights],
        }


_DIFFERENT: tuple[Status, ...] = ("changed", "renamed", "added", "removed")


def _model(model: Compared) -> dict[str, Any]:
    return {
        "spec": model.name,
        "class": model.class_name,
        "params": model.params,
        "macs": model.macs,
        "error": model.error.to_dict() if model.error else None,
    }


def of_report(report: Report, name: str = "") -> Compared:
    """A model as its report has it."""
    tensors = {one.name: one.shape for one in (*report.trace.parameters, *report.trace.buffers)}
    return Compared(
        name or report.spec,
        report.class_name,
        tuple(_side(layer) for layer in report.layers),
        tensors,
        report.error,
        report,
    )


def _side(layer: Layer) -> Side:
    return Side(
        layer.path,
        layer.type,
        layer.call,
        layer.called,
        layer.input_shapes,
        layer.output_shapes,
        layer.params if layer.call == 0 else 0,
        layer.macs,
        layer.config,
    )


def of_snapshot(layers: Sequence[Mapping[str, Any]], name: str) -> Compared:
    """A model as the JSON report of an earlier day has it."""
    sides = tuple(
        Side(
            str(layer["path"]),
            str(layer.get("type", "")),
            int(layer.get("call", 0)),
            bool(layer.get("called", True)),
            tuple(tuple(shape) for shape in layer.get("input_shapes", ())),
            tuple(tuple(shape) for shape in layer.get("output_shapes", ())),
            layer.get("params"),
            layer.get("macs"),
        )
        for layer in layers
    )
    root = next((side.type for side in sides if not side.path), "")
    return Compared(name, root, sides)


def compared(a: Compared, b: Compared) -> Comparison:
    """Every layer of two models beside its partner.

    >>> from cnnshape.tracing.execute import Inputs, record
    >>> from cnnshape.analysis.build import build_report
    >>> import torch
    >>> from torch import nn
    >>> def of(net):
    ...     return of_report(build_report(record(net, Inputs((torch.zeros(1, 4),))).trace))
    >>> a, b = nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.ReLU(), nn.Linear(4, 4))
    >>> [(one.status, one.b.path) for one in compared(of(a), of(b)).layers if one.status != "same"]
    [('added', '0'), ('renamed', '1')]
    """
    calls = _calls(a), _calls(b)
    one, other = (tree(_nodes(each)) for each in calls)
    pairs = aligned(one, other)
    return Comparison(a, b, tuple(_changes(one, other, pairs, calls)))


_Calls = Mapping[str, tuple[Side, ...]]


def _calls(model: Compared) -> _Calls:
    """The calls of every module, by path; with a root, whatever a file lacks."""
    found: dict[str, list[Side]] = {}
    for side in model.sides:
        found.setdefault(side.path, []).append(side)
    if "" not in found:
        found = {"": [Side("", model.class_name, 0, True, (), (), 0, 0)], **found}
    return {path: tuple(sides) for path, sides in found.items()}


def _nodes(calls: _Calls) -> dict[str, Node]:
    return {
        path: Node(
            path,
            sides[0].type,
            tuple((s.type, s.called, s.input_shapes, s.output_shapes, s.params) for s in sides),
            sum(side.params or 0 for side in sides),
        )
        for path, sides in calls.items()
    }


def _changes(
    one: Node, other: Node, pairs: Mapping[Node, Node], calls: tuple[_Calls, _Calls]
) -> Iterator[Change]:
    """The layers of the second model in order, and behind each what stood behind its partner."""
    back = {b: a for a, b in pairs.items()}
    above = {
        child: node for root in (one, other) for node in below(root) for child in node.children
    }
    gone: dict[Node | None, list[Node]] = {}
    last: Node | None = None
    for a in below(one):
        if a in pairs:
            last = pairs[a]
        else:
            gone.setdefault(last, []).append(a)

    def removed(behind: Node | None) -> Iterator[Change]:
        for a in gone.get(behind, ()):
            inside = above[a] not in pairs
            for side in calls[0][a.path]:
                yield Change(side, None, (), inside, bool(a.children))

    for b in below(other):
        a = back.get(b)
        if a is None:
            inside = above[b] not in back
            for side in calls[1][b.path]:
                yield Change(None, side, (), inside, bool(b.children))
        else:
            expected = _expected_path(b, above, back)
            moved = a.path != expected
            yield from _beside(calls[0][a.path], calls[1][b.path], moved, bool(b.children))
        yield from removed(b)


def _expected_path(b: Node, above: Mapping[Node, Node], back: Mapping[Node, Node]) -> str:
    """Where a module would have stood in the first model if nothing but those above it moved."""
    parent = above.get(b)
    if parent is None:
        return ""
    before = back.get(parent)
    if before is None:
        return b.path
    return f"{before.path}.{b.name}" if before.path else b.name


def _beside(
    one: Sequence[Side], other: Sequence[Side], moved: bool, container: bool
) -> Iterator[Change]:
    for number in range(max(len(one), len(other))):
        a = one[number] if number < len(one) else None
        b = other[number] if number < len(other) else None
        changes = _differences(a, b, moved) if a and b else ()
        yield Change(a, b, changes, container=container)


def _differences(a: Side, b: Side, moved: bool) -> tuple[str, ...]:
    differs = {
        "name": moved,
        "type": a.type != b.type and bool(a.path),
        "called": a.called != b.called,
        "input": a.input_shapes != b.input_shapes,
        "output": a.output_shapes != b.output_shapes,
        "parameters": a.params != b.params,
        "settings": bool(_other_settings(a, b)),
    }
    return tuple(what for what, different in differs.items() if different)


def _other_settings(a: Side, b: Side) -> dict[str, tuple[Any, Any]]:
    if a.settings is None or b.settings is None or a.type != b.type:
        return {}
    both = {name: (a.settings[name], b.settings[name]) for name in a.settings if name in b.settings}
    return {name: pair for name, pair in both.items() if pair[0] != pair[1]}


def weights_fit(model: Compared, file: str, stored: Mapping[str, tuple[int, ...]]) -> WeightsFit:
    """Which tensors of a checkpoint fit a model whose tensors are known."""
    tensors = model.tensors or {}
    both = [name for name in tensors if name in stored]
    return WeightsFit(
        file,
        tuple(name for name in both if stored[name] == tensors[name]),
        {name: (stored[name], tensors[name]) for name in both if stored[name] != tensors[name]},
        tuple(name for name in tensors if name not in stored),
        tuple(name for name in stored if name not in tensors),
    )
