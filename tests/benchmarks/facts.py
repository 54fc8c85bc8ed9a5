"""Part 10: what each tool can do, asked of the tool itself: one small model for each question."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone

Said = Callable[..., str]


def _cnnshape(model: nn.Module, *args: Any, **kwargs: Any) -> str:
    import cnnshape

    return str(cnnshape.inspect(model, args=args, kwargs=kwargs))


def _torchinfo(model: nn.Module, *args: Any, **kwargs: Any) -> str:
    from torchinfo import summary

    return str(summary(model, input_data=kwargs or list(args), device=_device(model), verbose=0))


def _torchview(model: nn.Module, *args: Any, **kwargs: Any) -> str:
    from torchview import draw_graph

    graph = draw_graph(model, input_data=kwargs or list(args), device=_device(model))
    return graph.visual_graph.source


def _torchlens(model: nn.Module, *args: Any, **kwargs: Any) -> str:
    from torchlens import trace

    return str(trace(model, args, kwargs))


def _torchscan(model: nn.Module, *args: Any, **kwargs: Any) -> str:
    from torchscan import crawl_module

    return str(crawl_module(model, args=args, kwargs=kwargs or None))


#: What each tool says of a model and its inputs, as text.
TOOLS: dict[str, Said] = {
    "cnnshape": _cnnshape,
    "torchinfo": _torchinfo,
    "torchview": _torchview,
    "torchlens": _torchlens,
    "torchscan": _torchscan,
}


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


class Net(nn.Module):
    """A convolution, a norm, a pooling by function, and a layer that may not fit."""

    def __init__(self, features: int = 8 * 13 * 13) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(features, 10)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        x = F.max_pool2d(self.norm(self.conv(picture)), 2)
        return self.head(x.flatten(1))


def _picture() -> torch.Tensor:
    return torch.rand(2, 1, 28, 28)


def functions(tool: str) -> bool:
    """``F.max_pool2d`` is shown."""
    return "pool" in TOOLS[tool](Net().eval(), _picture()).lower()


def failing_layer(tool: str) -> bool:
    """Of a model that raises, the layer that raised is named."""
    try:
        said = TOOLS[tool](Net(features=100).eval(), _picture())
    except Exception as error:
        said = f"{error} {getattr(error, 'partial_log', '')}"
    return "head" in said


def keyword(tool: str) -> bool:
    """An input is taken by its name."""
    return bool(TOOLS[tool](Net().eval(), picture=_picture()))


def without_memory(tool: str) -> bool:
    """A layer of 40 GB is looked at on meta."""
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(100_000, 100_000))
        return bool(TOOLS[tool](model.eval(), torch.rand(1, 100_000)))


def untouched(tool: str) -> bool:
    """In train mode all is as before: modes, buffers, hooks, gradients, random state."""
    model, picture = Net().train(), _picture()
    before = _state(model)
    TOOLS[tool](model, picture)
    return _state(model) == before


def _state(model: nn.Module) -> object:
    return (
        torch.get_rng_state().tolist(),
        [(name, tensor.tolist()) for name, tensor in model.state_dict().items()],
        [parameter.grad for parameter in model.parameters()],
        [
            (sorted(vars(each)), each.training, len(each._forward_hooks), "forward" in vars(each))
            for each in model.modules()
        ],
    )


def picture_without_graphviz(tool: str) -> bool:
    """A picture is written where no ``dot`` is installed."""
    os.environ["PATH"] = ""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "net"
        _DRAWING[tool](Net().eval(), _picture(), target)
        return target.with_suffix(".svg").stat().st_size > 0


def _drawn_by_cnnshape(model: nn.Module, x: torch.Tensor, target: Path) -> None:
    import cnnshape

    cnnshape.draw(model, x, target.with_suffix(".svg"))


def _drawn_by_torchview(model: nn.Module, x: torch.Tensor, target: Path) -> None:
    from torchview import draw_graph

    draw_graph(model, input_data=x).visual_graph.render(str(target), format="svg")


def _drawn_by_torchlens(model: nn.Module, x: torch.Tensor, target: Path) -> None:
    from torchlens import trace

    trace(model, x).draw(vis_outpath=str(target), vis_fileformat="svg", vis_save_only=True)


_DRAWING = {
    "cnnshape": _drawn_by_cnnshape,
    "torchview": _drawn_by_torchview,
    "torchlens": _drawn_by_torchlens,
}
QUESTIONS: dict[str, Callable[[str], bool]] = {
    "functions (`F.max_pool2d`) are shown": functions,
    "of a model that raises, names the layer": failing_layer,
    "takes the input of `forward(picture)` by its name": keyword,
    "a layer of 40 GB, on meta": without_memory,
    "leaves modes, buffers, hooks, gradients, random state": untouched,
    "writes a picture without `dot`": picture_without_graphviz,
}


def section(models: int, rounds: int) -> Section:
    """Ask every tool every question, each in a process of its own."""
    del models, rounds
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for words, question in QUESTIONS.items():
        row = [words]
        for tool in TOOLS:
            if question is picture_without_graphviz and tool not in _DRAWING:
                row.append("–")
                continue
            answer = alone(question, tool, timeout=LONGEST)
            if isinstance(answer, Failure):
                failed.append((f"{tool}, {words}", answer.cause))
            row.append("✓" if answer is True else "✗")
        rows.append(row)
    text = (
        "Each asked of the tool itself, as its documentation calls it, with one small model: ✓ it "
        "does, ✗ it does not or fails, – it draws none. Whose counts are right stands in part 7.\n"
        "\n"
    )
    told = table(("what", *TOOLS), rows) + "\n" + failures(failed)
    return Section("10. What each does", text + told)
