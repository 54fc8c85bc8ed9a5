"""Draws the pictures of these pages by the commands that they show, for light and dark alike."""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree as ET

_SVG = "http://www.w3.org/2000/svg"
_COLOURS = ("fill", "stroke")
ET.register_namespace("", _SVG)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")


def draw(command: str, target: Path, expected: int = 0) -> Path:
    """Run ``cnnshape COMMAND -o TARGET``; an SVG gets the colours of ``--theme dark`` as well.

    A picture whose command names a theme has that one.
    """
    _run(command, target, expected)
    if target.suffix == ".svg" and "--theme" not in command:
        with tempfile.TemporaryDirectory() as folder:
            dark = _run(f"{command} --theme dark", Path(folder) / target.name, expected)
            both = in_both_themes(target.read_text("utf-8"), dark.read_text("utf-8"))
        target.write_text(both, encoding="utf-8", newline="\n")
    return target


def _run(command: str, target: Path, expected: int) -> Path:
    from cnnshape.cli.main import run

    code = run([*shlex.split(command), "-o", str(target.resolve()), "-q"])
    if code != expected:
        raise SystemExit(f"cnnshape {command} ended with {code}")
    return target


def in_both_themes(light: str, dark: str) -> str:
    """The light picture with a rule for each colour that is another one in the dark picture.

    Browsers apply it where the page that shows the picture is dark, whoever has chosen that.
    """
    root = ET.fromstring(light)
    others: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    places: list[tuple[ET.Element, str, str, str]] = []
    for ours, theirs in zip(root.iter(), ET.fromstring(dark).iter(), strict=True):
        if set(ours.attrib) != set(theirs.attrib):
            raise ValueError(f"{ours.attrib} and {theirs.attrib} are different elements")
        for name in _COLOURS:
            if name in ours.attrib:
                places.append((ours, name, ours.attrib[name], theirs.attrib[name]))
                others[name, ours.attrib[name]][theirs.attrib[name]] += 1
    usual = {key: counted.most_common(1)[0][0] for key, counted in others.items()}
    rules = [
        f'[{name}="{old}"]{{{name}:{new}}}' for (name, old), new in usual.items() if old != new
    ]
    # Where one colour stands for two things, the rarer one is told apart by a class.
    classes: dict[tuple[str, str], str] = {}
    for element, name, old, new in places:
        if new != usual[name, old]:
            mark = classes.setdefault((name, new), f"dark-{len(classes)}")
            element.set("class", f"{element.get('class', '')} {mark}".strip())
    rules += [f".{mark}{{{name}:{new}}}" for (name, new), mark in classes.items()]
    style = ET.Element(f"{{{_SVG}}}style")
    style.text = f"@media screen and (prefers-color-scheme:dark){{{''.join(rules)}}}"
    style.tail = "\n"
    named = [child.tag in (f"{{{_SVG}}}title", f"{{{_SVG}}}desc") for child in root]
    root.insert(sum(named), style)
    return ET.tostring(root, encoding="unicode") + "\n"
