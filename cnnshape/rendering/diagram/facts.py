"""What the report knows of a layer, in lines: below its name, and in its tooltip."""

from __future__ import annotations

from collections.abc import Collection

from cnnshape.analysis.report import Layer
from cnnshape.rendering.diagram.options import Show
from cnnshape.rendering.units import amount_text, shape_text
from cnnshape.words import counted


def asked_for(row: Layer, show: Collection[Show], *, whole: bool) -> list[str]:
    """The details that were asked for; ``whole`` if the layer stands for all below it."""
    lines: list[str] = []
    macs = row.subtree_macs if whole else row.macs
    if "macs" in show and macs:
        lines.append(f"{amount_text(macs)} MACs")
    if "receptive-field" in show and row.receptive_field is not None:
        lines.append(f"receptive field {_extent(row)}")
    if "formula" in show and row.check is not None and row.check.substitution:
        lines += _per_axis(row.check.substitution)
    return lines


def everything(row: Layer, *, whole: bool) -> list[str]:
    """Sizes, counts and the size formula, for a tooltip."""
    lines: list[str] = []
    if row.input_shapes and row.output_shapes:
        ins = ", ".join(shape_text(shape) for shape in row.input_shapes)
        outs = ", ".join(shape_text(shape) for shape in row.output_shapes)
        lines.append(f"  {ins} → {outs}")
    params = row.subtree_params if whole else row.params
    macs = row.subtree_macs if whole else row.macs
    numbers = [counted(params, "parameter")] if params else []
    numbers += [f"{amount_text(macs)} MACs"] if macs else []
    if row.receptive_field is not None:
        numbers.append(f"receptive field {_extent(row)}")
    if numbers:
        lines.append("  " + " · ".join(numbers))
    if row.check is not None and row.check.substitution:
        lines.append(f"  {row.check.formula}")
        lines += [f"  {text}" for text in _per_axis(row.check.substitution)]
    return lines


def _extent(row: Layer) -> str:
    field = row.receptive_field
    if isinstance(field, tuple):
        return "×".join("all" if size is None else str(size) for size in field)
    return "global" if field is not None else "unknown"


def _per_axis(substitution: str) -> list[str]:
    """One line per axis; equal axes are written once."""
    parts = (part.strip() for part in substitution.split(";"))
    return list(dict.fromkeys(part for part in parts if part))
