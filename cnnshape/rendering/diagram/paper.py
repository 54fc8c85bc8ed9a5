"""The paper that a picture is made for: its size, its margin, and how small a text may become."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError

#: Nothing on a page is written smaller than this, in points.
SMALLEST_TEXT = 6.0
#: The smallest letters in a picture as it is drawn, in points.
DRAWN_TEXT = 10.0
#: So far a picture may be made smaller.
LEAST_SCALE = SMALLEST_TEXT / DRAWN_TEXT

#: Scales that are tried, the largest first; those below the least tell how far off a page is.
SCALES = (1.0, 0.9, 0.8, 0.7, 0.65, LEAST_SCALE)
TOO_SMALL = (0.5, 0.4, 0.3, 0.2, 0.12, 0.06)

_UNITS = {"": 1.0, "pt": 1.0, "in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[x×]\s*(\d+(?:\.\d+)?)\s*(pt|in|cm|mm|)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page, in points of 1/72 inch.

    Attributes:
        name: what it was called.
        width: of the whole page.
        height: of the whole page.
        margin: what stays empty at each edge.
        below: the height of what stands below the picture, in points as drawn.
    """

    name: str
    width: float
    height: float
    margin: float
    below: float = 0.0

    def room(self, scale: float) -> tuple[float, float]:
        """Width and height within the margins, for a picture that is drawn at a scale."""
        width, height = self.width - 2 * self.margin, self.height - 2 * self.margin
        return width / scale, height / scale - self.below

    def scale_of(self, width: float, height: float) -> float:
        """How large a picture of a size can be on it, at most as large as it is drawn."""
        across, down = self.room(1.0)
        return min(across / width, (down + self.below) / (height + self.below), 1.0)


#: A sheet upright, a slide of 13⅓ by 7½ inches, one column of a paper in two.
PAGES = {
    "a4": Page("a4", 595, 842, 36),
    "letter": Page("letter", 612, 792, 36),
    "slide": Page("slide", 960, 540, 24),
    "column": Page("column", 252, 648, 3),
}


def page_of(text: str) -> Page:
    """The page that a word or a size names.

    >>> page_of("slide").width, page_of("160x90mm").height
    (960, 255)

    Raises:
        UsageError: it is neither a known name nor a size.
    """
    named = PAGES.get(text.strip().lower())
    if named is not None:
        return named
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"cannot fit a picture to {text!r}; use {', '.join(PAGES)} or a size such as "
            "400x300 (points) or 160x90mm"
        )
    unit = _UNITS[found[3].lower()]
    width, height = round(float(found[1]) * unit), round(float(found[2]) * unit)
    if min(width, height) <= 0:
        raise UsageError(f"cannot fit a picture to {text}: a page has a width and a height")
    # Graphviz knows whole points only.
    return Page(text, width, height, 3)


def inches(page: Page) -> str:
    """A page's size as Graphviz reads it; the sign has it filled."""
    width, height = page.width + 0.02, page.height + 0.02  # it cuts off what is no whole point
    return f"{width / 72:.6f},{height / 72:.6f}!"


def too_small(page: Page, scale: float, report: Report) -> UsageError:
    """What to say of a page on which the picture can only be drawn at a scale."""
    width, height = (size * LEAST_SCALE / scale for size in (page.width, page.height))
    return UsageError(
        f"--fit {page.name}: too small for {report.class_name} with text of "
        f"{SMALLEST_TEXT:g} points; the smallest page of this form that would do is "
        f"{width + 0.5:.0f}x{height + 0.5:.0f} (points)"
    )
