"""The page of a comparison: what is marked, and the row that shows its layer."""

from __future__ import annotations

import pytest

import cnnshape
from cnnshape.rendering.page.compare_page import compare_page


@pytest.fixture(scope="module")
def page() -> str:
    return compare_page(cnnshape.compare("torchvision:resnet18", "torchvision:resnet34"))


def test_a_row_points_at_its_layer_in_both_pictures(opened, accessible, page: str) -> None:
    tab = opened(page)
    row = tab.locator("tr[data-b='layer2.2']")
    row.focus()
    pointed = tab.locator(".pointed")
    assert pointed.count() == 1  # the first model has none
    assert pointed.get_attribute("data-path") == "layer2.1"  # which is folded over it
    assert "changed" in pointed.get_attribute("class").split()
    tab.keyboard.press("ArrowDown")
    assert tab.locator("tr.chosen").get_attribute("data-b") == "layer2.3"
    accessible(tab)


@pytest.mark.parametrize(("width", "dark"), [(350, False), (1000, True)])
def test_it_is_readable_at_every_width(opened, accessible, width: int, dark: bool) -> None:
    both = cnnshape.compare("lenet", "lenet-d2l")
    tab = opened(compare_page(both), width=width, dark=dark)
    assert tab.locator(".side").nth(0).locator(".node.removed, .strip.removed").count() >= 3
    assert tab.locator(".side").nth(1).locator(".node.added").count() >= 3
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.evaluate(overflow) <= 0
    accessible(tab)
