"""What the model's page reads: every row with its own figures, as plain data.

What is empty is left out. Sizes are numbers or expressions of letters, as in the JSON report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cnnshape.analysis.accounts import bind
from cnnshape.analysis.report import Check, Layer, Report
from cnnshape.rendering.batch import constant_batch
from cnnshape.rendering.diagram.layer_words import layer_words
from cnnshape.rendering.module_tree import Node, build_tree
from cnnshape.rendering.page.model_failure import failure_data
from cnnshape.rendering.page.page import script_json
from cnnshape.rendering.row import Row
from cnnshape.rendering.rows import every_row
from cnnshape.rendering.units import per_axis, shape_text
from cnnshape.rendering.wholes import descendants
from cnnshape.tracing.trace import Dim, NamedValue, Plain, Ref, Shape, Trace, Unknown

_BYTES = {"64": 8, "32": 4, "16": 2}
#: Settings that say nothing about a size and only make a list long.
_LONGEST_LIST = 24
#: Of more tensors than this only the number is told: a cache has two for each layer before.
_MOST_TENSORS = 8
#: What equal blocks have in common is written once, and told by its place.
_SHARED = ("arguments", "check", "field", "source", "named", "dtypes", "words")


def model_data(report: Report) -> dict[str, Any]:
    """Rows, totals and what is said of the whole."""
    root = build_tree(report)
    nodes = [root, *descendants(root)]
    places = {id(node): place for place, node in enumerate(nodes)}
    parents = {id(child): places[id(node)] for node in nodes for child in node.children}
    pairs = zip(nodes, every_row(report, root), strict=True)
    shared: dict[str, int] = {}
    rows = [_row(report, node, row, parents.get(id(node), -1)) for node, row in pairs]
    for row in rows:
        for name in _SHARED:
            if row.get(name) is not None:
                text = script_json(row[name])
                row[name] = shared.setdefault(text, len(shared))
    demanded = zip(report.constraints, report.demanded_by, strict=False)
    return {
        "name": report.class_name,
        "batch": constant_batch(report),
        "inputs": [row.to_dict() for row in report.inputs],
        "totals": report.totals.to_dict(),
        "letters": dict(report.letters),
        "constraints": [_constraint(report.trace, text, index) for text, index in demanded],
        "shared": list(map(json.loads, shared)),
        "rows": rows,
    } | ({} if report.error is None else {"failure": failure_data(report, report.error)})


def _constraint(trace: Trace, text: str, operation: int | None) -> dict[str, Any]:
    """What the model needs, and the operation and the call that need it."""
    if operation is None or operation >= len(trace.operations):
        return {"text": text}
    return {"text": text, "operation": operation, "call": trace.operations[operation].call}


def _row(report: Report, node: Node, row: Row, parent: int) -> dict[str, Any]:
    layer, trace = row.layer, report.trace
    found: dict[str, Any] = {
        "parent": parent,
        "role": row.role,
        "state": row.state,
        "kind": row.kind,
        "label": row.label or row.type,
        "path": row.path,
        "type": row.type,
        "again": row.tag,
        "in": row.inputs[:_MOST_TENSORS],
        "out": row.outputs[:_MOST_TENSORS],
        "more": _left_out(row),
        "dtypes": list(dict.fromkeys(row.dtypes)),
        "params": row.params,
        "macs": row.macs,
        "activations": _activations(trace, layer),
        "status": row.status,
        "source": str(row.source or ""),
    }
    if row.check is not None:
        found["check"] = _check(row.check)
    if node.role == "operation":
        found |= {"operation": row.operation, "call": row.ran_in}
        found["arguments"] = _operation_arguments(trace, row.operation)
    elif layer is not None:
        found |= {"call": row.index, "words": _words(trace, layer)}
        found |= {"arguments": _settings(layer), "field": _field(layer)}
        if node.children:
            found |= {"allParams": layer.subtree_params, "allMacs": layer.subtree_macs}
        if row.index is not None:
            call = trace.calls[row.index]
            both = (call.inputs[:_MOST_TENSORS], call.outputs[:_MOST_TENSORS])
            found["named"] = [[*_named(trace, values)] for values in both]
    return {name: value for name, value in found.items() if value not in ("", [], {}, ())}


def _left_out(row: Row) -> list[int]:
    """How many tensors more went in and came out than are listed."""
    more = [max(len(shapes) - _MOST_TENSORS, 0) for shapes in (row.inputs, row.outputs)]
    return more if any(more) else []


def _words(trace: Trace, layer: Layer) -> str:
    words = layer_words(trace.module(layer.path))
    return words if words != layer.type else ""


def _check(check: Check) -> dict[str, Any]:
    return {
        "rule": check.rule,
        "formula": check.formula,
        "substitutions": per_axis(check.substitution),
        "expected": check.expected,
        "note": check.note,
        "mark": check.mark,
    }


def _field(layer: Layer) -> dict[str, Any]:
    if layer.receptive_field is None:
        return {}
    return {
        "size": layer.receptive_field,
        "stride": layer.receptive_field_stride,
        "offset": layer.receptive_field_offset,
    }


def _named(trace: Trace, values: Iterable[NamedValue]) -> Iterator[list[Any]]:
    for named in values:
        value = trace.values[named.value]
        yield [named.name, value.shape, value.dtype]


# ---- what a layer or a function was told ------------------------------------------------


def _settings(layer: Layer) -> list[list[str]]:
    """Of a layer of torch; a module of the author's has attributes that mean something else."""
    if layer.kind in ("Sequential", "ModuleList", "ModuleDict"):
        return []
    items = [(name, value) for name, value in layer.config.items() if name != "training"]
    return [[name, _text(value)] for name, value in items[:_LONGEST_LIST]]


def _operation_arguments(trace: Trace, index: int | None) -> list[list[str]]:
    if index is None or index >= len(trace.operations):
        return []
    arguments: Mapping[str, object] = bind(trace.operations[index]) or {}
    return [[name, _argument(trace, value)] for name, value in arguments.items()]


def _argument(trace: Trace, value: Any) -> str:
    """As Python would show it; a tensor by its shape."""
    if isinstance(value, Ref):
        return shape_text(trace.shape(value.value))
    if isinstance(value, tuple):
        return f"({', '.join(_argument(trace, item) for item in value)})"
    return _text(value)


def _text(value: Plain) -> str:
    return value.type if isinstance(value, Unknown) else repr(value)


# ---- bytes of what a forward made -------------------------------------------------------


def _activations(trace: Trace, layer: Layer | None) -> Dim | None:
    """Bytes of the new tensors of a call's own forward; an expression where sizes have letters."""
    if layer is None:
        return 0
    if layer.activation_bytes is not None or layer.index is None:
        return layer.activation_bytes
    made = (
        trace.values[output]
        for operation in trace.own_operations(layer.index)
        for output in operation.outputs
    )
    terms = [_bytes_text(value.shape, value.dtype) for value in made if value.alias_of is None]
    return None if "?" in terms else " + ".join(terms) or 0


def _bytes_text(shape: Shape, dtype: str) -> str:
    if "?" in shape:
        return "?"
    bits = "".join(filter(str.isdigit, dtype.partition("_")[0]))
    size = _BYTES.get(bits, 1) * (2 if dtype.startswith("complex") else 1)
    return "*".join([str(size), *(f"({dim})" for dim in shape)])
