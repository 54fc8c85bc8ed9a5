"""A feature pyramid in graph style: a row for each level, and other networks as they are."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from cnnshape.rendering.diagram.boxes import boxes_of
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import picture_of
from cnnshape.rendering.diagram.fitted_picture import FittedPicture
from cnnshape.rendering.diagram.graphviz_process import run
from cnnshape.rendering.diagram.pyramid import Pyramid, pyramid
from tests.rendering.diagram.judge import collisions
from tests.rendering.diagram.models import Siamese, Tapped, TwoHeads, UNet, report_of
from tests.rendering.diagram.test_blocks_paths import Pyramid as Network


def found(model: nn.Module, *shapes: tuple[int, ...]) -> Pyramid | None:
    return pyramid(make_view(build_flow(report_of(model, *shapes).trace)))


def cells(shape: Pyramid) -> dict[tuple[str, int], list[str]]:
    nodes = shape.view.graph.flow.nodes
    return {
        (cell.column, cell.row): [nodes[key].id for key in boxes_of(cell.piece.root)]
        for cell in shape.cells
    }


def test_every_level_is_a_row() -> None:
    shape = found(Network(), (1, 3, 64, 64))
    assert shape is not None
    assert cells(shape) == {
        ("down", 0): ["input/x"],
        ("down", 1): ["down.0"],
        ("down", 2): ["down.1"],
        ("down", 3): ["down.2"],
        ("down", 4): ["down.3", "across.3"],
        ("across", 1): ["across.0"],
        ("across", 2): ["across.1"],
        ("across", 3): ["across.2"],
        ("up", 1): ["interpolate.3", "add.3"],
        ("up", 2): ["interpolate.2", "add.2"],
        ("up", 3): ["interpolate", "add"],
        ("out", 1): ["smooth.0", "output"],
        ("out", 2): ["smooth.1", "output.2"],
        ("out", 3): ["smooth.2", "output.3"],
        ("out", 4): ["smooth.3", "output.4"],
    }


@pytest.mark.parametrize("fit", ["a4", "slide"])
def test_it_fits_on_a_page_and_nothing_touches(fit: str) -> None:
    picture = picture_of(report_of(Network(), (1, 3, 64, 64)), DrawOptions(fit=fit))
    assert isinstance(picture, FittedPicture)
    nodes = picture.sheet.placement.nodes
    rows = [[f"down.{n}", f"across.{n}", f"smooth.{n}"] for n in range(3)]
    for left, middle, right in rows:
        assert abs(nodes[left].center[1] - nodes[middle].center[1]) < 1
        assert nodes[left].right < nodes[middle].left < nodes[right].left
    for level, source in enumerate(("add.3", "add.2", "add", "across.3")):
        assert abs(nodes[f"smooth.{level}"].center[1] - nodes[source].center[1]) < 1
    edges = sum(len(heads) for heads in picture.sheet.view.graph.after.values())
    assert len(picture.sheet.placement.lines) == edges
    assert collisions(json.loads(run(picture.digraph().source, "json", engine="nop2"))) == []


def test_a_picture_without_a_page_is_one_too() -> None:
    picture = picture_of(report_of(Network(), (1, 3, 64, 64)), DrawOptions())
    assert collisions(json.loads(picture.paint("json"))) == []


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (UNet, [(1, 3, 16, 16)]),
        (Tapped, [(1, 3, 8, 8)]),
        (TwoHeads, [(1, 6)]),
        (Siamese, [(1, 1, 9, 9), (1, 1, 9, 9)]),
    ],
)
def test_other_networks_are_none(model: type[nn.Module], shapes: list[tuple[int, ...]]) -> None:
    assert found(model(), *shapes) is None


@pytest.mark.torchvision
def test_that_of_a_detector_is_one() -> None:
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    with torch.device("meta"):
        model = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5)
    shape = found(model, (1, 3, 128, 128))
    assert shape is not None
    found_cells = cells(shape)
    assert {row for column, row in found_cells if column == "out"} == {2, 3, 4, 5}
    assert sum(column == "across" for column, _ in found_cells) == 3
