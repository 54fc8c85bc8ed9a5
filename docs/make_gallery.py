"""Draws every picture of the gallery with the command that the gallery shows.

    python docs/make_gallery.py            draw them, and write gallery.md
    python docs/make_gallery.py --check    fail if gallery.md or a picture says something else

Positions may move with another version of Graphviz; what a picture says may not.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

DOCS = Path(__file__).parent
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Entry:
    """One picture: its file, the command without ``-o``, and what to look at."""

    name: str
    command: str
    words: str
    expected: int = 0


SECTIONS: dict[str, list[Entry]] = {
    "The data flow": [
        Entry(
            "lenet",
            "lenet",
            "One box per layer, its activation and reshape as strips below it. The shape stands "
            "on an arrow where it changes.",
        ),
        Entry(
            "resnet18",
            "torchvision:resnet18",
            "Residual connections bend around the main path; equal blocks are folded.",
        ),
        Entry(
            "vit-b-16",
            "torchvision:vit_b_16",
            "Twelve equal encoder blocks are drawn once. The class token and the position "
            "embedding are the model's own parameters.",
        ),
        Entry(
            "transformer",
            "gallery_models.py:transformer -i 1,10,512 -i 1,7,512",
            "Six and six layers; every decoder layer reads the same memory.",
        ),
        Entry(
            "unet",
            "gallery_models.py:UNet -i 1,3,256,256",
            "A U: what comes down at the left is kept for the way up at the right.",
        ),
        Entry(
            "googlenet",
            "torchvision:googlenet",
            "As deep as stays readable, here two levels; what is closed says what is inside.",
        ),
        Entry(
            "pyramid",
            "gallery_models.py:Pyramid -i 1,3,128,128",
            "A feature pyramid: a row for each level, its output at the right.",
        ),
        Entry("densenet121", "torchvision:densenet121", "58 dense layers in four blocks."),
    ],
    "Inputs, outputs, reuse": [
        Entry(
            "detector",
            "gallery_models.py:Detector -i 4,3,32,32 -i 4,32 --direction LR",
            "Several inputs and outputs, from left to right.",
        ),
        Entry(
            "siamese",
            "gallery_models.py:Siamese -i 1,1,28,28 -i 1,1,28,28",
            "The same layers twice: their parameters are counted once.",
        ),
        Entry(
            "tagger",
            "gallery_models.py:Tagger -i 1,20:int64",
            "Embedding, recurrent layers, words as integers.",
        ),
        Entry(
            "conv-lstm",
            "gallery_models.py:ConvLSTM -i 1,20,1,64,64",
            "Twenty turns of a loop are drawn once; dashed arrows lead into the next turn.",
        ),
    ],
    "More in the picture": [
        Entry(
            "lenet-all",
            "lenet --show shapes,params,macs,receptive-field,formula",
            "Multiply-accumulates, receptive field and the size formula with its numbers.",
        ),
        Entry(
            "bottleneck",
            "torchvision:resnet50 --only layer2.0",
            "One part alone.",
        ),
        Entry(
            "vit-b-16-legend",
            "torchvision:vit_b_16 --legend",
            "What its colours, lines, signs and figures mean: only those that occur.",
        ),
    ],
    "On a page": [
        Entry(
            "resnet50-a4",
            "torchvision:resnet50 --fit a4",
            "As much as can be read on one page: the first blocks open, the rest closed. A letter "
            "says where an arrow goes on.",
        ),
        Entry("swin-t-slide", "torchvision:swin_t --fit slide", "In columns on a slide."),
        Entry(
            "unet-slide",
            "gallery_models.py:UNet -i 1,3,256,256 --fit slide",
            "Closed as far as a U fits on the slide.",
        ),
    ],
    "Feature maps": [
        Entry(
            "lenet-blocks",
            "lenet --style blocks",
            "The classic picture: height, depth and width grow with the logarithm of the sizes.",
        ),
        Entry(
            "unet-blocks",
            "gallery_models.py:UNet -i 1,3,256,256 --style blocks",
            "An encoder and a decoder stand in a U, joined by their skips.",
        ),
        Entry(
            "siamese-blocks",
            "gallery_models.py:Siamese -i 1,1,28,28 -i 1,1,28,28 --style blocks",
            "Two inputs through the same layers stand side by side, up to where they meet.",
        ),
        Entry(
            "pyramid-blocks",
            "gallery_models.py:Pyramid -i 1,3,128,128 --style blocks",
            "The same pyramid; what is done on a way across stands at its arrow.",
        ),
        Entry(
            "resnet50-blocks",
            "torchvision:resnet50 --style blocks --legend",
            "Long rows are broken; the legend stands below them.",
        ),
    ],
    "The modules": [
        Entry("lenet-tree", "lenet --style tree", "What contains what."),
        Entry(
            "transformer-tree",
            "gallery_models.py:transformer -i 1,10,512 -i 1,7,512 --style tree",
            "Equal modules are folded.",
        ),
    ],
    "Themes": [
        Entry("lenet-dark", "lenet --style blocks --theme dark", "For dark pages."),
        Entry("vit-b-16-dark", "torchvision:vit_b_16 --theme dark", "The same in a graph."),
        Entry("lenet-mono", "lenet --theme mono --direction LR", "For print."),
    ],
    "A model that fails": [
        Entry(
            "wrong",
            "gallery_models.py:Wrong -i 1,1,28,28",
            "The picture ends at the layer that raised, and says why.",
            expected=1,
        ),
    ],
}


def draw(entry: Entry, folder: Path) -> Path:
    """Run the entry's command; the pictures' folder is the working directory of none."""
    from cnnshape.cli.main import run

    target = (folder / f"{entry.name}.svg").resolve()
    code = run(["draw", *shlex.split(entry.command), "-o", str(target), "-q"])
    if code != entry.expected:
        raise SystemExit(f"cnnshape draw {entry.command} ended with {code}")
    return target


def page() -> str:
    """The text of gallery.md."""
    lines = [
        "# Gallery",
        "",
        "Every picture is what the command above it writes:",
        "`python docs/make_gallery.py` draws them all.",
        "The networks in `gallery_models.py` stand beside this page.",
        "",
    ]
    for title, entries in SECTIONS.items():
        lines += [f"## {title}", ""]
        for entry in entries:
            lines += [
                f"`cnnshape draw {entry.command} -o {entry.name}.svg`",
                "",
                entry.words,
                "",
                f"![{entry.words}](images/{entry.name}.svg)",
                "",
            ]
    return "\n".join(lines)


def said(picture: Path) -> list[str]:
    """All texts and tooltips of a picture, in order."""
    root = ET.parse(picture).getroot()
    wanted = (f"{SVG}text", f"{SVG}title", f"{SVG}desc")
    return [element.text or "" for element in root.iter() if element.tag in wanted]


def main() -> int:
    """Draw or check everything; 1 if something differs."""
    os.chdir(DOCS)  # the commands name gallery_models.py without a folder
    entries = [entry for listed in SECTIONS.values() for entry in listed]
    if "--check" not in sys.argv[1:]:
        for entry in entries:
            print(draw(entry, DOCS / "images"))
        (DOCS / "gallery.md").write_text(page(), encoding="utf-8", newline="\n")
        return 0
    different = []
    if (DOCS / "gallery.md").read_text(encoding="utf-8") != page():
        different.append("gallery.md")
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            kept = DOCS / "images" / f"{entry.name}.svg"
            if not kept.exists() or said(draw(entry, Path(folder))) != said(kept):
                different.append(kept.name)
    for name in different:
        print(f"{name} is not what the commands give; run python docs/make_gallery.py")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
