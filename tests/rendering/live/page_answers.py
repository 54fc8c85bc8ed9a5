"""What the page's modules compute, asked of node; and what torch computes at each step."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import cnnshape
from cnnshape.rendering.live.chain import Chain, chain_of
from cnnshape.rendering.live.weights import packed

HERE = Path(__file__).parent
ABSOLUTE, RELATIVE = 1e-4, 1e-3

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed, which runs the page's script"
)


def answers(questions: Sequence[dict[str, Any]]) -> list[Any]:
    """What the page's modules answer, all in one process of node."""
    command = ["node", "--import", str(HERE / "resolve.mjs"), str(HERE / "answer.mjs")]
    text = json.dumps(questions)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plan(model: nn.Module, shape: tuple[int, ...]) -> Chain:
    return chain_of(cnnshape.inspect(model, shape))


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def carried(model: nn.Module, chain: Chain) -> dict[str, Any]:
    tensors = tensors_of(model)
    return packed({name: tensors[name] for name in chain.weights})


@dataclass(frozen=True)
class Case:
    """A network with pictures, and what the page makes of them once it was asked."""

    model: nn.Module
    chain: Chain
    pictures: Tensor

    def question(self) -> dict[str, Any]:
        given = packed({str(n): picture for n, picture in enumerate(self.pictures)})
        weights = carried(self.model, self.chain)
        return {"ask": "run", "chain": self.chain.to_dict(), "weights": weights, "pictures": given}

    def compare(self, rows: list[list[str]]) -> None:
        """Each step's result for each picture against that of torch."""
        assert len(rows) == len(self.pictures)
        for picture, row in zip(self.pictures, rows, strict=True):
            expected = torch_results(self.model, picture)
            assert len(expected) == len(row) == len(self.chain.steps)
            for step, text, right in zip(self.chain.steps, row, expected, strict=True):
                found = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.float32)
                torch.testing.assert_close(
                    found.view(step.output),
                    right,
                    atol=ABSOLUTE,
                    rtol=RELATIVE,
                    msg=lambda text, step=step: f"{step.name}: {text}",
                )


def case(model: nn.Module, shape: tuple[int, ...], pictures: int) -> Case:
    model.eval()
    random = torch.Generator().manual_seed(3)
    return Case(
        model, plan(model, (1, *shape)), torch.rand(pictures, *shape, generator=random) * 2 - 0.5
    )


class Results(TorchFunctionMode):
    """What every torch function gave, but those that leave the numbers as they are."""

    PASSING = ("dropout", "contiguous")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        same = func.__name__ == "view" and result.shape == args[0].shape
        if isinstance(result, Tensor) and func.__name__ not in self.PASSING and not same:
            self.found.append(result.detach().clone())
        return result


def torch_results(model: nn.Module, picture: Tensor) -> list[Tensor]:
    """Each operation's result for one picture, without the batch."""
    batch = picture[None]
    with torch.no_grad(), Results() as results:
        model(batch)
    return [found[0] if len(found.shape) > 1 else found for found in results.found]
