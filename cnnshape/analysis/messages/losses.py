"""Losses: predictions and targets that do not belong together."""

from __future__ import annotations

from cnnshape.analysis.messages.table import Fix, Row, shape_group, sizes_of, worded


def _count(value: object) -> int:
    product = 1
    for size in sizes_of(value):
        product *= size
    return product


LOSSES = (
    Row(
        "loss.batch",
        r"Expected input batch_size \((?P<a>\d+)\) to match target batch_size \((?P<b>\d+)\)",
        "{a:prediction} and {b:target} do not belong together",
    ),
    Row(
        "loss.target_shape",
        r"multi-target not supported",
        "the targets must have 1 dimension, a class number for each prediction",
        (Fix(worded("target.squeeze(1), if its shape is N×1"), action="set_input"),),
    ),
    Row(
        "loss.target_shape",
        rf"Expected target size {shape_group('n')}, got {shape_group('k')}",
        "the targets must have the shape {n}, not {k} (the classes of the predictions are their "
        "dimension 1)",
    ),
    Row(
        "loss.target_shape",
        r"only batches of spatial targets supported \(3D tensors\) but got targets of "
        r"(?:dimension|size): "
        r"(?P<k>.+)",
        "the targets of pictures must have the shape N×H×W, a class number for each pixel",
        (Fix(worded("target.squeeze(1), if its shape is N×1×H×W"), action="set_input"),),
    ),
    Row(
        "loss.target_range",
        r"Assertion `t >= 0 && t < n_classes`? failed",
        "a class number of the targets is negative, or beyond the scores; the same call on the CPU "
        "says which",
    ),
    Row(
        "loss.target_range",
        r"Target (?P<i>-?\d+) is out of bounds",
        "there is no score for class {i}: classes count from 0, and the last layer has too few "
        "outputs or the labels begin elsewhere",
    ),
    Row(
        "loss.shapes",
        rf"(?:Target size|Using a target size) \({shape_group('k')}\) (?:must be the same as|that "
        rf"is "
        rf"different to) (?:the )?input size \({shape_group('n')}\)",
        "predictions {n} and targets {k} must have the same shape",
        (Fix("target.view({sizes})", action="set_input"),),
        when=lambda found, _place: _count(found["n"]) == _count(found["k"]),
        more=lambda found: {"sizes": ", ".join(map(str, sizes_of(found["n"])))},
    ),
    Row(
        "loss.shapes",
        rf"(?:Target size|Using a target size) \({shape_group('k')}\) (?:must be the same as|that "
        rf"is "
        rf"different to) (?:the )?input size \({shape_group('n')}\)",
        "predictions {n} and targets {k} must have the same shape",
    ),
)
