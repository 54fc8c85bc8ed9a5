"""Draws the picture of every script in examples/, and writes the two pages that show them.

python docs/make_examples.py            draw them; write examples.md and examples/README.md
python docs/make_examples.py --check    fail if a page or a picture says something else
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from make_gallery import said
from pictures import draw

DOCS = Path(__file__).parent
SCRIPTS = DOCS.parent / "examples"

_FIVE = '"3 4 6 5 7; 2 4 6 8 2; 1 6 7 8 4; 9 7 4 6 2; 3 7 5 4 1" --weights "1 2 3; 4 5 6; 7 8 9"'


@dataclass(frozen=True)
class Example:
    """One script: what it works out, and the command that draws what it is about."""

    script: str
    words: str
    command: str = ""
    picture: str = ""  # where no command draws it
    width: int = 480
    expected: int = 0

    @property
    def image(self) -> str:
        """Its picture, seen from the pages."""
        return f"images/{self.picture or f'examples/{self.script}.svg'}"

    def shown(self, docs: str) -> str:
        """The picture as HTML, for a page that sees the pages' folder under this name."""
        words = self.words.replace("…", "to")
        image = f'<img src="{docs}{self.image}" alt="{words}" width="{self.width}">'
        return f'<a href="{docs}{self.image}">{image}</a>'


EXAMPLES = [
    Example(
        "convolve_5x5",
        "a 5×5 picture convolved with the kernel 1 … 9, padding 1: every product of one place "
        "written out",
        f"formula conv --matrix {_FIVE} --padding 1",
    ),
    Example(
        "convolve_5x5_stride_2",
        "the same with stride 2 and no padding",
        f"formula conv --matrix {_FIVE} --stride 2",
    ),
    Example(
        "max_pool_4x4",
        "a 4×4 picture max-pooled by 2",
        'formula max_pool --matrix "3 4 6 5; 2 4 6 8; 1 6 7 8; 9 7 4 6" --kernel 2',
        width=260,
    ),
    Example(
        "keep_the_size",
        "when padding = kernel // 2 keeps the size, and when nothing does",
        "formula conv --input 9 --kernel 3 --padding 1",
    ),
    Example(
        "size_formulas",
        "two formulas from a tutorial, held against what the framework computes",
        'formula conv "(W - F + 2P)/S + 1"',
        width=560,
        expected=1,
    ),
    Example(
        "convolve_100x100",
        "five channels become ten: sizes of input, output and weight",
        'draw "torch.nn:Conv2d(5,10,3)" -i 1,5,100,100 --style blocks',
        width=260,
    ),
    Example(
        "convolve_a_picture",
        "a real photograph through a convolution, before and after side by side",
        picture="examples/convolve_a_picture.png",
        width=560,
    ),
    Example(
        "lenet_layer_by_layer",
        "LeNet's layers applied in turn, each size printed and predicted",
        "draw lenet-d2l --style blocks",
        width=560,
    ),
    Example(
        "mlp_layer_by_layer",
        "flatten, linear, ReLU and softmax on three 28×28 images",
        "draw gallery_models.py:perceptron -i 3,28,28 --direction LR",
        width=560,
    ),
    Example(
        "softmax_of_one_image",
        "scores, probabilities and predicted class of one image",
        "draw mlp",
        width=200,
    ),
    Example(
        "first_values",
        "every parameter's name, size and first values",
        "draw mlp --style tree --show shapes,params",
    ),
    Example(
        "one_pooling_used_twice",
        "a module that is called twice has two rows",
        "draw basic-cnn",
        width=150,
    ),
    Example(
        "train_on_digits",
        "a LeNet trained on real digits in seconds, without a network",
        picture="training-features.png",
    ),
]


def index() -> str:
    """The text of examples/README.md."""
    rows = "".join(
        f"| [{one.script}.py]({one.script}.py) | {one.words} | {one.shown('../docs/')} |\n"
        for one in EXAMPLES
    )
    return f"""\
# Worked examples

Short scripts, each one idea, in the order of a first course. Run any of them with
`python examples/NAME.py`; a test of this repository runs them all and checks every number
they print. The pictures are drawn by cnnshape: [the commands](../docs/examples.md).

| script | what it works out | |
|---|---|---|
{rows}
[tutorial.ipynb](tutorial.ipynb) is the [tutorial](../docs/tutorial.md) as a notebook.
"""


def page() -> str:
    """The text of examples.md."""
    return """\
# Worked examples

English | [中文](zh/examples.md)

Short scripts, each one idea, in the order of a first course. They are in the folder `examples` of
the repository, with the [tutorial](tutorial.md) as a notebook, `tutorial.ipynb`; a test runs them
all and checks every number they print. Below each picture stands the command that draws it.
""" + "".join(map(_part, EXAMPLES))


def _part(one: Example) -> str:
    code = (SCRIPTS / f"{one.script}.py").read_text("utf-8").strip()
    drawn = f"```sh\ncnnshape {one.command} -o {one.script}.svg\n```\n\n" if one.command else ""
    return f"""
## {one.script}.py

{one.words[0].upper()}{one.words[1:]}.

{one.shown("")}

{drawn}<details markdown>
<summary>The script</summary>

```python
{code}
```

</details>
"""


def _drawn(one: Example, folder: Path) -> Path:
    return draw(one.command, folder / f"{one.script}.svg", one.expected)


def photograph(target: Path) -> None:
    """What convolve_a_picture.py draws, as small as a page needs it."""
    from PIL import Image

    given, sys.argv = sys.argv, ["convolve_a_picture.py", str(target)]
    runpy.run_path(str(SCRIPTS / "convolve_a_picture.py"), run_name="__main__")
    sys.argv = given
    with Image.open(target) as drawn:
        small = drawn.convert("RGB").resize((drawn.width // 2, drawn.height // 2))
    small.quantize(128).save(target, optimize=True)


def main() -> int:
    """Draw or check everything; 1 if something differs."""
    os.chdir(DOCS)  # the commands name gallery_models.py without a folder
    drawn = [one for one in EXAMPLES if one.command]
    pages = {DOCS / "examples.md": page(), SCRIPTS / "README.md": index()}
    if "--check" not in sys.argv[1:]:
        (DOCS / "images" / "examples").mkdir(exist_ok=True)
        for one in drawn:
            print(_drawn(one, DOCS / "images" / "examples"))
        photograph(DOCS / "images" / "examples" / "convolve_a_picture.png")
        for file, text in pages.items():
            file.write_text(text, encoding="utf-8", newline="\n")
        return 0
    different = [file for file, text in pages.items() if file.read_text("utf-8") != text]
    with tempfile.TemporaryDirectory() as folder:
        for one in drawn:
            kept = DOCS / one.image
            if not kept.exists() or said(_drawn(one, Path(folder))) != said(kept):
                different.append(kept)
    for file in different:
        print(f"{file.name} is not what is given here; run python docs/make_examples.py")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
