"""The blocks style: what runs side by side, a pyramid, and an arrow for every skip."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnshape.rendering.diagram.blocks_parts import Plan, Setting, Slot, half_words
from cnnshape.rendering.diagram.blocks_picture import BlocksPicture
from cnnshape.rendering.diagram.blocks_plan import plan_of
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report, picture_of
from cnnshape.rendering.diagram.feature_maps import Course
from tests.rendering.diagram.models import Siamese, Tapped, TwoHeads, UNet, report_of


class Towers(nn.Module):
    """An image, its depth, and numbers that come in later."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.depth = self.tower(3), self.tower(1)
        self.head, self.late, self.out = nn.Linear(16, 8), nn.Linear(5, 8), nn.Linear(16, 2)

    def tower(self, channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )  # fmt: skip

    def forward(self, image: Tensor, depth: Tensor, numbers: Tensor) -> Tensor:
        x = torch.cat([self.image(image), self.depth(depth)], 1)
        return self.out(torch.cat([torch.relu(self.head(x)), self.late(numbers)], 1))


class Twin(nn.Module):
    """Two branches from one input: of the same shapes, or not."""

    def __init__(self, other: int = 4) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1))
        self.b = nn.Sequential(nn.Conv2d(3, other, 5, padding=2), nn.Conv2d(other, 6, 5, padding=2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), self.b(x)], 1)


class Pyramid(nn.Module):
    """Four levels down, laterals across, sums on the way up, an output of each level."""

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 16, 32, 64)
        pairs = zip((3, *widths), widths, strict=False)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.across = nn.ModuleList(nn.Conv2d(width, 12, 1) for width in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(12, 12, 3, padding=1) for _ in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for layer in self.down:
            x = layer(x)
            levels.append(x)
        found = [self.across[3](levels[3])]
        for level in (2, 1, 0):
            above = F.interpolate(found[0], scale_factor=2.0)
            found.insert(0, self.across[level](levels[level]) + above)
        return [smooth(x) for smooth, x in zip(self.smooth, found, strict=True)]


def picture(model: nn.Module, *shapes: tuple[int, ...], **options: str) -> BlocksPicture:
    found = picture_of(report_of(model, *shapes), DrawOptions(style="blocks", **options))
    assert isinstance(found, BlocksPicture)
    return found


def planned(model: nn.Module, *shapes: tuple[int, ...]) -> tuple[Course, Plan]:
    course = picture(model, *shapes)._course  # pyright: ignore[reportPrivateUsage]
    return course, plan_of(course, Setting())


def rows(plan: Plan) -> list[list[str]]:
    """The names of the maps that share an axis, from top to bottom."""
    axes = sorted({slot.axis for slot in plan.slots})
    by_left = sorted(plan.slots, key=lambda slot: slot.left)
    return [[slot.map.name for slot in by_left if slot.axis == axis] for axis in axes]


def inside(plan: Plan) -> bool:
    """Everything lies on the page, and no two boxes share an area."""
    boxes = [(s.left, s.peak, s.right, s.floor) for s in plan.slots]
    apart = all(
        a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
    )
    points = [point for way in plan.ways for point in way.points]
    on_page = all(0 <= x <= plan.width and 0 <= y <= plan.height for x, y in points)
    return (
        apart and on_page and all(left >= 0 and right <= plan.width for left, _, right, _ in boxes)
    )


def arrows_into(plan: Plan, slot: Slot) -> int:
    """How many arrows end right at a box, whatever their way."""
    return sum(
        not way.dashed
        and slot.left - 8 <= way.points[-1][0] <= slot.right + 8
        and slot.peak - 12 <= way.points[-1][1] <= slot.words + 30
        for way in plan.ways
    )


def test_shared_towers_stand_right_above_each_other():
    _, plan = planned(Siamese(), (1, 1, 9, 9), (1, 1, 9, 9))
    upper, middle, lower = rows(plan)
    assert (upper[0], lower[0]) == ("left", "right")
    assert upper[1:] == lower[1:]
    assert middle == ["sub"]
    tops = {s.left for s in plan.slots if s.map.name == "encoder.2"}
    assert len(tops) == 1
    assert inside(plan)


def test_towers_of_their_own_and_one_that_comes_later():
    course, plan = planned(Towers(), (1, 3, 9, 9), (1, 1, 9, 9), (1, 5))
    assert [maps[0].name for _, maps in course.towers] == ["depth", "numbers"]
    first, second, third, last = rows(plan)
    assert (first[0], third[0], last) == ("image", "depth", ["numbers", "late"])
    assert second == ["concat", "head", "concat", "out"]
    slots = {slot.map.key: slot for slot in plan.slots}
    merges = [slot for slot in slots.values() if slot.map.name == "concat"]
    assert [arrows_into(plan, slot) for slot in merges] == [2, 2]
    assert inside(plan)


def test_branches_of_one_shape_are_towers_and_others_are_not():
    shape = (1, 3, 8, 8)
    assert [len(row) for row in rows(planned(Twin(), shape)[1])] == [3, 1, 2]
    course, plan = planned(Twin(5), shape)
    assert course.towers == ()
    assert len(rows(plan)) == 1


def test_nothing_of_a_tower_is_told_as_a_text_only():
    source = draw_report(report_of(Siamese(), (1, 1, 9, 9), (1, 1, 9, 9)),
                         DrawOptions(style="blocks"))  # fmt: skip
    assert source.notes == ()


@pytest.mark.parametrize("fit", ["", "a4", "slide", "column"])
def test_towers_fit_on_any_page(fit: str):
    svg = draw_report(
        report_of(Towers(), (1, 3, 9, 9), (1, 1, 9, 9), (1, 5)),
        DrawOptions(style="blocks", fit=fit),
    ).svg()
    assert svg.count("concat") >= 2


def test_towers_too_wide_for_the_rest_have_it_below():
    course, _ = planned(Towers(), (1, 3, 9, 9), (1, 1, 9, 9), (1, 5))
    plan = plan_of(course, Setting(room=420.0))
    bottoms = {slot.map.name: slot.axis for slot in plan.slots}
    assert bottoms["head"] > max(bottoms["image"], bottoms["depth"])
    assert inside(plan)


def test_a_pyramid_has_a_row_for_each_level_and_its_outputs_beyond():
    course, plan = planned(Pyramid(), (1, 3, 64, 64))
    found = rows(plan)
    assert [row[0] for row in found] == ["x", "down.0", "down.1", "down.2", "down.3"]
    assert [row[-1] for row in found[1:]] == [f"smooth.{level}" for level in range(4)]
    said = [text for way in plan.ways for text, _, _ in way.words]
    assert said.count("conv 1×1") == 4  # three across, one at the bottom
    assert said.count("+") == 3
    assert len(course.outs) == 3
    assert inside(plan)


def test_every_skip_has_an_arrow():
    for model, shape in ((UNet(), (1, 3, 16, 16)), (Tapped(4), (1, 3, 8, 8))):
        course, plan = planned(model, shape)
        skips = sum(join.source is not None for one in course.trunk for join in one.joins)
        assert skips > 0
        assert len(plan.ways) >= len(course.trunk) - 1 + skips
        assert all(join.source is not None for one in course.trunk for join in one.joins)


def test_a_second_output_has_a_row_of_its_own():
    course, plan = planned(TwoHeads(), (1, 6))
    assert [len(row) for row in rows(plan)] == [3, 1]
    assert len(course.outs) == 1
    assert inside(plan)
    assert picture(TwoHeads(), (1, 6)).notes == ()


def test_long_names_in_a_row_stand_apart() -> None:
    layers = {f"a_name_that_is_long_{n}": nn.Linear(4 + n, 5 + n) for n in range(5)}
    _, plan = planned(nn.Sequential(OrderedDict(layers)), (1, 4))
    spans = [
        (slot.middle - half, slot.middle + half)
        for slot in plan.slots
        for half in [half_words(slot.map, shapes=True)]
    ]
    assert len(spans) == 6
    assert all(start - end > 7.9 for (_, end), (start, _) in pairwise(spans))
