"""Receptive fields: the picture of one unit's, and the measurement that confirms them all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from cnnshape.errors import UsageError
from cnnshape.loading.prepare import prepare
from cnnshape.loading.run_options import run_options
from cnnshape.messages import say

if TYPE_CHECKING:
    from cnnshape.experiments.measured_field import MeasuredField
    from cnnshape.rendering.field import FieldPicture


def draw_field(
    model: nn.Module | str,
    inputs: object = None,
    unit: str = "",
    filename: str | os.PathLike[str] | None = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    image: str | os.PathLike[str] | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
) -> FieldPicture:
    """Draw the region of the input that one unit of a layer depends on.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: as for :func:`cnnshape.inspect`.
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        unit: a layer and a position, as in ``"C2[4,4]"``.
        filename: write the picture there: ``.svg``, ``.png`` or ``.pdf``.
        image: a picture file to draw below the region, brought to the input's size; its middle is
            cut out where it has other proportions.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.

    Raises:
        UsageError: the model, the unit or a file cannot be used.

    >>> import cnnshape.api.fields
    >>> cnnshape.api.fields.draw_field("lenet", unit="C2[4,4]").title
    'C2[4, 4] depends on 14×14 pixels: rows 6…19, columns 6…19'
    """
    from cnnshape.analysis.unit_field import parse_unit, unit_field
    from cnnshape.experiments.run_pass import run_pass
    from cnnshape.files import write_atomic
    from cnnshape.rendering.field import field_picture

    path, place = parse_unit(unit)
    options = run_options(weights=weights, trust_pickle=trust_pickle)
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    if prepared.inputs.has_letters:
        raise UsageError(say("a receptive field is drawn on an input of known size: give numbers"))
    picture = None
    if image is not None:
        from cnnshape.training.picture_files import open_picture

        picture = open_picture(image)
    trace = run_pass(prepared).trace
    drawn = field_picture(unit_field(trace, path, place), picture)
    if filename is not None:
        write_atomic(filename, drawn.render(Path(filename).suffix[1:].lower() or "svg"))
    return drawn


def measured_fields(
    model: nn.Module | str,
    inputs: object = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    units: Sequence[Sequence[float]] = ((0.5,),),
    every_layer: bool = False,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
) -> tuple[MeasuredField, ...]:
    """Compare the receptive fields of a model's layers with what gradients show.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: as for :func:`cnnshape.inspect`; large enough to hold the fields.
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        units: places on each layer's grid as fractions per axis; the middle by default.
        every_layer: also layers whose field is that of the layer before.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.

    >>> from cnnshape.api.fields import measured_fields
    >>> {field.path: field.status for field in measured_fields("lenet", (1, 1, 28, 28))}["S2"]
    'equal'
    """
    from cnnshape.experiments.measured_field import measure_fields

    options = run_options(weights=weights, trust_pickle=trust_pickle)
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    return measure_fields(prepared, units=units, every_layer=every_layer)
