"""The pages that docs/make_*.py write are those that are kept, and pictures have both themes."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
try:
    import make_examples  # pyright: ignore[reportMissingImports]
    import make_gallery  # pyright: ignore[reportMissingImports]
    from pictures import in_both_themes  # pyright: ignore[reportMissingImports]
finally:
    sys.path.pop(0)

WRITTEN = {
    "docs/gallery.md": make_gallery.page,
    "docs/live.md": make_gallery.live_page,
    "docs/examples.md": make_examples.page,
    "examples/README.md": make_examples.index,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_is_what_is_written(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == WRITTEN[name]()


def test_every_example_has_a_picture_and_every_picture_is_shown() -> None:
    shown = {one.image for one in make_examples.EXAMPLES}
    assert all((ROOT / "docs" / image).is_file() for image in shown)
    kept = {f"images/examples/{file.name}" for file in (ROOT / "docs/images/examples").iterdir()}
    assert kept <= shown


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg"><title>a</title><g class="box"><rect fill="{}" '
    'stroke="{}"/></g><rect fill="{}"/><text class="t" fill="{}">1</text></svg>'
)


def test_a_picture_is_the_light_one_with_rules_for_dark() -> None:
    # White is the page twice, which darkens, and a text once, which stays.
    light = SVG.format("#fff", "none", "#fff", "#fff")
    both = in_both_themes(light, SVG.format("#111", "none", "#111", "#fff"))
    root = ET.fromstring(both)
    style, text = root[1], root[-1]
    assert style.text == (
        '@media screen and (prefers-color-scheme:dark){[fill="#fff"]{fill:#111}.dark-0{fill:#fff}}'
    )
    assert text.get("class") == "t dark-0"
    root.remove(style)
    text.set("class", "t")
    assert ET.canonicalize(ET.tostring(root), strip_text=True) == ET.canonicalize(light)


def test_pictures_of_other_things_are_not_mixed() -> None:
    light = SVG.format("#fff", "none", "#fff", "#fff")
    with pytest.raises(ValueError, match="different elements"):
        in_both_themes(light, light.replace(' stroke="none"', ""))
