"""How long a default picture takes, and whether anything in it touches.

python -m tests.benchmarks.layout                     every torchvision classifier
python -m tests.benchmarks.layout timm 40             forty timm models, drawn by a fixed seed
python -m tests.benchmarks.layout fit 60              sixty torchvision models, on every page
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice

import torch
from torch import nn

from cnnshape.errors import UsageError
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import picture_of
from cnnshape.rendering.diagram.graphviz_process import lay_out, run
from cnnshape.rendering.diagram.paper import PAGES
from tests.rendering.diagram.judge import collisions
from tests.rendering.diagram.models import report_of


def torchvision_models() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """Every classifier with its usual input."""
    import torchvision

    from tests.rendering.diagram.test_graph_truth import _built

    for name in torchvision.models.list_models(module=torchvision.models):
        size = 299 if name == "inception_v3" else 224
        yield name, _built(name), (1, 3, size, size)


def timm_models(number: int) -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """Some models of timm, the same every time."""
    import timm

    for name in random.Random(0).sample(timm.list_models(), number):
        try:
            with torch.device("meta"):
                model = timm.create_model(name, pretrained=False)
        except (RuntimeError, NotImplementedError):
            model = timm.create_model(name, pretrained=False)
        yield name, model, (1, *model.default_cfg["input_size"])


def fit(number: int) -> None:
    """Print per model and page the smallest text, what touches, and what does not fit."""
    for name, model, shape in islice(torchvision_models(), number):
        report = report_of(model, torch.empty(shape, device="meta"))
        for page in PAGES:
            try:
                picture = picture_of(report, DrawOptions(fit=page))
            except UsageError as error:
                print(f"{name:<36}{page:>8}  {error}")
                continue
            layout = json.loads(run(picture.digraph().source, "json", engine="nop2"))
            print(
                f"{name:<36}{page:>8}  {picture.notes[0]}; {'; '.join(collisions(layout)) or '-'}"
            )


def main() -> None:
    """Print a line per model and the worst of each column."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["fit"]:
        fit(int(arguments[1]) if len(arguments) > 1 else 60)
        return
    number = int(arguments[1]) if len(arguments) > 1 else 40
    models = timm_models(number) if arguments[:1] == ["timm"] else torchvision_models()
    slowest, most, touching = 0.0, 0, 0
    print(f"{'model':<36}{'boxes':>6}{'depth':>7}{'prepare':>9}{'layout':>9}  touching")
    for name, model, shape in models:
        report = report_of(model, torch.empty(shape, device="meta"))
        started = time.perf_counter()
        picture = picture_of(report, DrawOptions())
        source = picture.digraph().source
        prepared = time.perf_counter()
        layout = lay_out(source)
        done = time.perf_counter()
        found = collisions(layout)
        view = picture.view  # pyright: ignore[reportAttributeAccessIssue]
        print(
            f"{name:<36}{view.boxes:>6}{view.depth or 'all':>7}{prepared - started:>8.2f}s"
            f"{done - prepared:>8.2f}s  {'; '.join(found) or '-'}"
        )
        slowest, most = max(slowest, done - prepared), max(most, view.boxes)
        touching += bool(found)
    print(f"slowest layout {slowest:.2f} s, most boxes {most}, {touching} with something touching")


if __name__ == "__main__":
    main()
