"""The font of pictures: its name, how wide a text is in it, and how Graphviz finds it anywhere."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from pathlib import Path
from xml.sax.saxutils import escape

#: Helvetica or what stands in for it; the package brings one for where the system has none.
FONT = "Helvetica,Arial,sans-serif"
#: For formulas, as they are set in print.
SERIF = "Cambria,Georgia,'Times New Roman',serif"
FOLDER = Path(__file__).parent / "fonts"
FAMILY = "Shape Sans"

_SETUP = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">{system}</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <match target="pattern">
    <test name="family"><string>Helvetica</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>{family}</string></edit>
  </match>
</fontconfig>
"""

#: The widths of Helvetica's Adobe font metrics, in thousandths.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 "
    "556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 "
    "260 334 584"
)
_SIGNS = {"×": 584, "→": 1000, "−": 584, "·": 278, "…": 1000, "–": 556, "÷": 549}
_TABLE = {chr(32 + index): int(width) for index, width in enumerate(_WIDTHS.split())} | _SIGNS
_BOLD = 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of ``text`` in points, set in Helvetica.

    >>> round(text_width("C1", 12), 2), text_width("", 12)
    (15.34, 0.0)
    """
    total = sum(_TABLE.get(character) or _guess(character) for character in text)
    return total * size / 1000 * (_BOLD if bold else 1.0)


def _guess(character: str) -> int:
    """Ideographs are as wide as high; other letters are taken as middling ones."""
    return 1000 if unicodedata.east_asian_width(character) in "WF" else 600


def environment(folder: Path) -> dict[str, str]:
    """The environment in which Graphviz takes the package's own font for Helvetica.

    The files of its fontconfig setup are written into ``folder``. The system's own
    fonts stay known, for letters that the package's font does not have.
    """
    variables = dict(os.environ)
    system = variables.get("FONTCONFIG_FILE") or "/etc/fonts/fonts.conf"
    setup = folder / "fonts.conf"
    # A copy: fontconfig leaves a mark of its own in every folder that it reads.
    fonts = shutil.copytree(FOLDER, folder / "fonts")
    setup.write_text(
        _SETUP.format(
            system=escape(system),
            fonts=escape(str(fonts)),
            cache=escape(str(folder / "cache")),
            family=FAMILY,
        ),
        encoding="utf-8",
    )
    variables["FONTCONFIG_FILE"] = str(setup)
    # The child must find pygraphviz where this process finds it.
    variables["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return variables
