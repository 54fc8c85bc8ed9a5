"""The ways in which a model of a zoo is looked at; each tells what came out as plain data.

``inputs`` is what :func:`cnnshape.inspect` takes: shapes as texts, alone, in a tuple or by name.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cnnshape
from cnnshape.analysis.report import Report

Line = dict[str, Any]

#: Shapes whose last sizes may vary: pictures and volumes by H and W, tokens and sound by L.
_VARYING = (
    ("HW", re.compile(r"(\d+(?:,\d+)+),(\d+),(\d+)((?::b?float\d+)?)")),
    ("L", re.compile(r"(1),(\d+)((?::\w+)?)")),
)
#: How much larger than usual they are where expressions are held against another pass.
_STEPS = ((32, 64), (64, 32), (7, 13), (64, 64))


def evaluated(model: Any, inputs: Any) -> Line:
    """Parameters, columns, MACs and sizes in eval mode."""
    return _judged(model, inputs, "eval")


def trained(model: Any, inputs: Any) -> Line:
    """The same in train mode."""
    return _judged(model, inputs, "train")


def _judged(model: Any, inputs: Any, mode: Any) -> Line:
    report = cnnshape.inspect(model, inputs, mode=mode)
    totals, rows = report.totals, report.layers
    macs = [row.macs for row in rows]
    return {
        **_outcome(report),
        "params_exact": totals.params == sum(p.numel() for p in model.parameters()),
        "columns_add_up": sum(row.params or 0 for row in rows) == totals.params
        and (None if None in macs else sum(macs)) == totals.macs,
        "match": totals.match,
        "mismatch": totals.mismatch,
        "uncovered": totals.uncovered,
        "uncovered_kinds": dict(Counter(row.type for row in rows if not row.covered)),
        "wrong": list(_mismatches(report))[:10],
        "macs": totals.macs,
        "macs_counted": None if report.error else _counted(model, inputs, mode),
    }


def _outcome(report: Report) -> Line:
    error = report.error
    return {
        "ok": error is None,
        "error": None if error is None else f"{error.path} ({error.type}): {error.message}"[:400],
        "where": f"{report.device}: {report.device_reason}",
        "notes": list(report.notes),
    }


def _mismatches(report: Report) -> Iterator[str]:
    for row in (*report.layers, *report.operations):
        if row.check is not None and row.check.status == "mismatch":
            yield f"{row.path}: {row.check.rule} {row.check.expected} {row.check.note}"


def _counted(model: Any, inputs: Any, mode: str) -> int | None:
    """The MACs that torch's own counter sees; None where the model cannot run under it.

    It does not know every kernel: where it differs, somebody has to look.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cnnshape.loading.prepare import prepare

    device = next((p.device.type for p in model.parameters()), "cpu")
    args, kwargs = prepare(model, inputs).arguments(device)
    trained = model.training
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.train(mode == "train")(*args, **kwargs)
    except Exception:
        return None
    finally:
        model.train(trained)
    return counter.get_total_flops() // 2


def drawn(model: Any, inputs: Any) -> Line:
    """A picture that is well-formed."""
    report = cnnshape.inspect(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.svg"
        cnnshape.draw(report, filename=file)
        root = ET.parse(file).getroot()
        size = file.stat().st_size
    return _outcome(report) | {"bytes": size, "ok": report.error is None and "svg" in root.tag}


# ---- letters ------------------------------------------------------------------------------


def lettered(model: Any, inputs: Any) -> Line:
    """Sizes in letters, held against passes at the usual size and at a larger one.

    ``wrong`` are the layers whose expressions give another size there, unless a note of the report
    says that they hold in a part of the sizes only.
    """
    usual: dict[str, int] = {}
    asked = _changed(inputs, lambda text: _with_letters(text, usual))
    if not usual:
        return {"ok": True, "skipped": "nothing among the inputs varies"}
    report = cnnshape.inspect(model, asked)
    wrong: list[str] = []
    points = [] if report.error else list(_points(report, usual))
    for point in points:
        numbers = cnnshape.inspect(model, _changed(asked, lambda text, at=point: _put(text, at)))
        wrong += [f"{point}: {difference}" for difference in _differences(report, numbers, point)]
    partial = [note for note in report.notes if "not hold" in note]
    return {
        **_outcome(report),
        "points": points,
        "mismatch": 0 if partial else len(wrong),
        "wrong": wrong[:10],
        "partial": partial,
        "unknown": [note for note in report.notes if "no expression" in note],
        "constraints": list(report.constraints)[:20],
    }


def _changed(inputs: Any, change: Callable[[str], str]) -> Any:
    if isinstance(inputs, str):
        return change(inputs)
    if isinstance(inputs, Mapping):
        return {name: _changed(value, change) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(_changed(value, change) for value in inputs)
    return inputs


def _with_letters(text: str, usual: dict[str, int]) -> str:
    """Letters for the sizes that vary, the same ones in every input of the same sizes."""
    for letters, shape in _VARYING:
        found = shape.fullmatch(text)
        if found is not None:
            first, *sizes, dtype = found.groups()
            wanted = dict(zip(letters, map(int, sizes), strict=True))
            if all(usual.setdefault(name, size) == size for name, size in wanted.items()):
                return f"{','.join((first, *letters))}{dtype}"
    return text


def _put(text: str, point: Mapping[str, int]) -> str:
    return re.sub(r"\b[HWL]\b", lambda letter: str(point[letter[0]]), text)


def _points(report: Report, usual: Mapping[str, int]) -> Sequence[dict[str, int]]:
    """The usual sizes and the first larger ones that the model takes, as the report says."""
    larger = (
        {name: size + (dh if name == "H" else dw) for name, size in usual.items()}
        for dh, dw in _STEPS
    )
    twice = {name: 2 * size for name, size in usual.items()}
    allowed = [
        point
        for point in (dict(usual), *larger, twice)
        if all(_value(condition, point) for condition in report.constraints)
    ]
    return allowed[:2]


def _differences(report: Report, numbers: Report, point: Mapping[str, int]) -> Iterator[str]:
    if numbers.error is not None:
        yield f"refused: {numbers.error.message[:100]}"
        return
    others = {(row.path, row.call): row for row in numbers.layers}
    for row in report.layers:
        other = others.get((row.path, row.call))
        for ours, theirs in zip(row.output_shapes, other.output_shapes if other else ()):
            if _told(ours) and tuple(_value(size, point) for size in ours) != theirs:
                yield f"{row.path} {ours}, {theirs}"
    macs = report.totals.macs
    if _told([macs]) and _value(macs, point) != numbers.totals.macs:
        yield f"MACs {_value(macs, point)}, {numbers.totals.macs}"


def _told(sizes: Sequence[Any]) -> bool:
    """Whether all are known, and none holds a size that no letter tells (``u1``)."""
    return not any(size in (None, "?") or re.search(r"\bu\d", str(size)) for size in sizes)


def _value(size: Any, point: Mapping[str, int]) -> Any:
    if not isinstance(size, str):
        return size
    return eval(size, {"__builtins__": {}, "max": max, "min": min}, dict(point))


WAYS: dict[str, Callable[[Any, Any], Line]] = {
    "eval": evaluated,
    "train": trained,
    "letters": lettered,
    "svg": drawn,
}
