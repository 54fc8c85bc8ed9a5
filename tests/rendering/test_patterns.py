"""Patterns as a reader sees them: below the table, in JSON, in Markdown, on real networks."""

from __future__ import annotations

import json

import einops
import jsonschema
import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.rendering.json_ import inspect_schema
from cnnshape.rendering.patterns import pattern_lines
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.styled_text import plain, width

OPTIONS = TableOptions(patterns=True)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(12, 36)
        self.blocks = nn.ModuleList(nn.Linear(12, 12) for _ in range(3))

    def forward(self, tokens):
        for block in self.blocks:
            tokens = block(tokens.transpose(1, 2).transpose(1, 2))
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        q = q.view(2, 5, 3, 4)
        return torch.cat([q.flatten(2), k, v], dim=1), tokens.flip(1), tokens.reshape(2, 4, 15)


def heads():
    return cnnshape.inspect(Heads(), (2, 5, 12))


def test_each_operation_has_a_line_whose_call_can_be_copied():
    lines = [plain(line) for line in pattern_lines(heads().patterns, None)]
    assert lines[0] == "what happens to the axes, as einops writes it"
    bare = [line.rpartition("  ")[0].strip() if "test_patterns" in line else line.strip()
            for line in lines[1:-1]]  # fmt: skip
    assert bare == [
        'transpose × 3  rearrange(x, "n t d -> n d t")',
        'transpose × 3  rearrange(x, "n d t -> n t d")',
        'chunk          rearrange(x, "n t (k d) -> k n t d", k=3)',
        'view           rearrange(x, "n t (h d) -> n t h d", h=3)',
        'flatten        rearrange(x, "n t h d -> n t (h d)")',
        "cat            n t1 d, n t2 d, … -> n (t1 + t2 + …) d",
        'pack([x, y, z], "n * d")[0]',
        "flip           n t d -> ?",
        "it picks positions, for which einops has no word",
        "reshape        n t d -> ?",
        "mixes axes: 5 × 12 as 4 × 15, which no pattern says",
    ]


@pytest.mark.parametrize("room", [60, 80, 120])
def test_no_line_but_a_call_is_wider_than_the_terminal(room):
    for line in pattern_lines(heads().patterns, room):
        assert width(line) <= room or "(x" in plain(line)


def test_json_and_markdown_have_them_where_they_are_asked_for():
    report = heads()
    data = json.loads(report_text(report, "json", OPTIONS))
    jsonschema.validate(data, inspect_schema())
    view = next(row for row in data["patterns"] if row["op"] == "view")
    assert view["pattern"] == "n t (h d) -> n t h d"
    assert view["einops"] == 'rearrange(x, "n t (h d) -> n t h d", h=3)'
    assert (view["input_shapes"], view["output_shapes"]) == ([[2, 5, 12]], [[2, 5, 3, 4]])
    assert "patterns" not in json.loads(report_text(report, "json"))
    text = report_text(report, "markdown", OPTIONS)
    assert "| view | `n t (h d) -> n t h d` | `rearrange(x, " in text
    assert "einops" not in report_text(report, "markdown")


def test_a_model_without_any_says_so():
    lines = [plain(line) for line in pattern_lines(cnnshape.inspect("mlp").patterns[:0], 80)]
    assert lines[0] == "no operation moves, joins, cuts or sums an axis"


def test_sizes_in_letters_are_not_guessed():
    report = cnnshape.inspect(nn.Flatten(), ("N", 3, 4, 5))
    assert [row.pattern.pattern for row in report.patterns] == ["a b c d -> a (b c d)"]


def test_the_command(capsys):
    assert run(["inspect", "lenet", "--patterns"]) == 0
    assert 'rearrange(x, "n c h w -> n (c h w)")' in capsys.readouterr().out


@pytest.mark.torchvision
@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "shufflenet_v2_x1_0", "densenet121"])
def test_the_calls_give_the_sizes_of_real_networks(name):
    report = cnnshape.inspect(f"torchvision:{name}", device="meta")
    functions = {f: getattr(einops, f) for f in dir(einops)}
    seen: set[tuple[object, ...]] = set()
    for row in report.patterns:
        key = (row.pattern.einops, row.input_shapes)
        if row.pattern.einops is None or key in seen:
            continue
        seen.add(key)
        tensors = [torch.zeros(shape, device="meta") for shape in row.input_shapes]
        named = dict(zip("xyzw", tensors, strict=False)) | {"xs": tensors}
        made = eval(row.pattern.einops, functions, named)
        pieces = [made] if len(row.output_shapes) == 1 else list(made)
        assert tuple(tuple(piece.shape) for piece in pieces) == row.output_shapes, row
    assert len(seen) >= 3


class Unmerged(nn.Module):
    """Heads that were never put back behind the positions: a mistake that the pattern shows."""

    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Linear(12, 12)
        self.out = nn.Linear(12, 12)

    def forward(self, x):
        q = self.q(x).view(2, 5, 3, 4).permute(0, 2, 1, 3)
        return self.out(q.reshape(2, 3, -1))


def test_a_failure_shows_the_reshapes_that_led_to_it():
    error = cnnshape.inspect(Unmerged(), (2, 5, 12)).error
    assert error.patterns == (
        "view n t (h d) -> n t h d",
        "permute n t h d -> n h t d",
        "reshape n h t d -> n h (t d)",
    )
    assert error.to_dict()["patterns"] == list(error.patterns)
    report = cnnshape.inspect(Unmerged(), (2, 5, 12))
    assert "  axes: view n t (h d) -> n t h d; permute n t h d -> n h t d; " in str(report)


def test_a_plain_flatten_is_not_told_in_a_failure():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5, 5))
    assert cnnshape.inspect(net, (1, 1, 8, 8)).error.patterns == ()
