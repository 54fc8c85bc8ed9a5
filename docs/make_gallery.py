"""Draws every picture of the gallery with the command that the gallery shows.

    python docs/make_gallery.py            draw them, and write gallery.md and live.md
    python docs/make_gallery.py --check    fail if one of these or a picture says something else
    python docs/make_gallery.py --pages    write the live pages into docs/live, to build the site

Positions may move with another version of Graphviz; what a picture says may not. The live pages are
not kept: each has its programs in it, up to a megabyte that would be new with every change.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from pictures import draw

DOCS = Path(__file__).parent
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Entry:
    """One picture: its file, the command without ``-o``, and what to look at."""

    name: str
    command: str
    words: str
    expected: int = 0
    verb: str = "draw"


@dataclass(frozen=True)
class Live:
    """One page for a browser: what it shows, the commands that write it, and what to try."""

    name: str
    title: str
    commands: tuple[str, ...]
    words: str
    expected: int = 0


PAGES = [
    Live(
        "activations",
        "A trained LeNet",
        ("train lenet", "features runs/lenet-digits --page -o activations.html"),
        "Draw a digit: every layer's maps and the ten probabilities follow. Point at a unit, and "
        "it is worked out number by number.",
    ),
    Live(
        "lenet",
        "LeNet for pictures of any size",
        ("inspect lenet -i N,1,H,W -o lenet.html",),
        "Choose a layer in the diagram or in the table. Move `H` and `W`: every size follows, and "
        "what the network refuses is marked where it comes from.",
    ),
    Live(
        "resnet18",
        "ResNet-18",
        ("inspect torchvision:resnet18 -o resnet18.html",),
        "Fold and unfold its blocks; sort by what costs most; search for `64×56×56`.",
    ),
    Live(
        "unet",
        "A U-Net",
        ("inspect gallery_models.py:UNet -i 1,3,256,256 -o unet.html",),
        "Choose a layer on the way up: the skip that feeds it is drawn stronger.",
    ),
    Live(
        "conv",
        "The size of a convolution",
        ("formula conv --input 28 --kernel 5 --stride 2 -o conv.html",),
        "Windows over cells, and in red what the floor leaves over. Change a number, or write your "
        "own formula beside it.",
    ),
    Live(
        "compare",
        "ResNet-18 and ResNet-34",
        ("compare torchvision:resnet18 torchvision:resnet34 -o compare.html",),
        "What was added, what has changed, what is the same.",
    ),
    Live(
        "wrong",
        "A network that fails",
        ("inspect gallery_models.py:Wrong -i 1,1,28,28 -o wrong.html",),
        "Why, how the size that arrived came about, and the corrections that were tried.",
        expected=1,
    ),
]

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
    "Formulas": [
        Entry(
            "convolution-size",
            "conv --input 8 --kernel 3 --stride 2 --padding 1",
            "The windows that a size formula counts; in red what the floor leaves over.",
            verb="formula",
        ),
        Entry(
            "convolution-by-hand",
            'conv --matrix "3 4 6 5 7; 2 4 6 8 2; 1 6 7 8 4; 9 7 4 6 2; 3 7 5 4 1" '
            '--weights "1 2 3; 4 5 6; 7 8 9" --padding 1',
            "A convolution by hand: its first window, and the sum of its products. With `--steps` "
            "every window.",
            verb="formula",
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


def draw_entry(entry: Entry, folder: Path) -> Path:
    """Run the entry's command."""
    return draw(f"{entry.verb} {entry.command}", folder / f"{entry.name}.svg", entry.expected)


def write_pages(folder: Path) -> None:
    """Run the commands of the live pages as they are shown, and take the pages into a folder."""
    from cnnshape.cli.main import run

    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(DOCS / "gallery_models.py", scratch)
        os.chdir(scratch)
        for live in PAGES:
            for command in live.commands:
                expected = live.expected if command == live.commands[-1] else 0
                if (code := run([*shlex.split(command), "-q"])) != expected:
                    raise SystemExit(f"cnnshape {command} ended with {code}")
            print(shutil.copy(f"{live.name}.html", folder))
        os.chdir(DOCS)


_FRAME = '<iframe class="live" src="live/{name}.html" title="{title}" loading="lazy"></iframe>'


def live_page() -> str:
    """The text of live.md: a page for pages, without a list of headings that takes their room."""
    lines = [
        "---",
        "hide: [toc]",
        "---",
        "",
        "# Live pages",
        "",
        "What `-o page.html` writes: each is one file that fetches nothing",
        "([how to read a model's page](page.md)). They are written when this site is built; where",
        "you read it without one, on a Git host, run the command.",
        "",
    ]
    for live in PAGES:
        lines += [
            f"## {live.title}",
            "",
            *([f"<!-- exit code {live.expected} -->"] if live.expected else []),
            "```sh",
            *(f"cnnshape {command}" for command in live.commands),
            "```",
            "",
            live.words,
            "",
            _FRAME.format(name=live.name, title=live.title),
            "",
            f"[{live.title}, alone](live/{live.name}.html)",
            "",
        ]
    return "\n".join(lines)


def page() -> str:
    """The text of gallery.md."""
    lines = [
        "# Gallery",
        "",
        "Every picture is what the command above it writes, on a dark page with `--theme dark`:",
        "`python docs/make_gallery.py` draws them all.",
        "The networks in `gallery_models.py` stand beside this page.",
        "For a browser there are [live pages](live.md).",
        "",
    ]
    for title, entries in SECTIONS.items():
        lines += [f"## {title}", ""]
        for entry in entries:
            lines += [
                f"`cnnshape {entry.verb} {entry.command} -o {entry.name}.svg`",
                "",
                entry.words,
                "",
                f"[![{entry.words}](images/{entry.name}.svg)](images/{entry.name}.svg)",
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
    if "--pages" in sys.argv[1:]:
        write_pages(DOCS / "live")
        return 0
    entries = [entry for listed in SECTIONS.values() for entry in listed]
    texts = {"gallery.md": page(), "live.md": live_page()}
    if "--check" not in sys.argv[1:]:
        for entry in entries:
            print(draw_entry(entry, DOCS / "images"))
        for name, text in texts.items():
            (DOCS / name).write_text(text, encoding="utf-8", newline="\n")
        return 0
    different = [name for name, text in texts.items() if (DOCS / name).read_text("utf-8") != text]
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder))
        for entry in entries:
            kept = DOCS / "images" / f"{entry.name}.svg"
            if not kept.exists() or said(draw_entry(entry, Path(folder))) != said(kept):
                different.append(kept.name)
    for name in different:
        print(f"{name} is not what the commands give; run python docs/make_gallery.py")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
