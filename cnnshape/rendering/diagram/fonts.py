"""A fontconfig setup in which Helvetica is the package's own font, whatever the system has."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from xml.sax.saxutils import escape

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


def environment(folder: Path) -> dict[str, str]:
    """The environment for a layout engine; its files are written into ``folder``.

    The system's own fonts stay known, for letters that the package's font does not have.
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
