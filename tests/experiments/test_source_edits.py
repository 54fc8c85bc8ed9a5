"""A line of the user's file, written differently while a trial runs, and back afterwards."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.diagnose.edits import Rewrite
from cnnshape.analysis.diagnose.source_code import name_of
from cnnshape.experiments.fixes.layer_edits import CannotApplyError
from cnnshape.experiments.fixes.source_edits import functions_of, rewritten
from cnnshape.tracing.trace import Source, Span

CODE = """\
import functools
import torch
from torch import nn


def widened(x, by):
    return torch.cat([x] * by, 1)


def noisy(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner


class Net(nn.Module):
    @noisy
    def forward(self, x):
        y = widened(x, 2)
        outputs = [x, y]
        y += 0
        return torch.cat(outputs, 1), x @ x.T
"""


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "written_net.py"
    file.write_text(CODE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("written_net", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["written_net"] = module
    spec.loader.exec_module(module)
    yield module.Net(), str(file)
    del sys.modules["written_net"]


def edit(file, line, old, new, function="forward", *, before=False):
    """The only place on a line where ``old`` stands."""
    text = CODE.splitlines()[line - 1]
    column = text.index(old)
    span = Span(line, column, line, column + len(old))
    return Rewrite(Source(file, line, function), span, new, before)


def test_a_line_of_a_decorated_method_runs_as_written(net):
    model, file = net
    x = torch.ones(2, 3)
    with rewritten(model, [edit(file, 20, "widened(x, 2)", "widened(x, 3)")]):
        assert model.forward.__wrapped__.__code__.co_firstlineno == 18
        assert model(x)[0].shape == (2, 12)
    assert model(x)[0].shape == (2, 9)


def test_a_helper_in_the_same_file_and_a_statement_of_its_own(net):
    model, file = net
    helper = edit(file, 7, "[x] * by", "[x]", "widened")
    first = edit(file, 23, "torch.cat(outputs, 1)", "outputs[0] = outputs[0][:, :1]", before=True)
    with rewritten(model, [helper, first]):
        joined, product = model(torch.ones(2, 3))
    assert joined.shape == (2, 4)  # 1 of x, 3 of y
    assert product.shape == (2, 2)


def test_a_statement_takes_the_place_of_one(net):
    model, file = net
    edits = [
        edit(file, 22, "y += 0", "y = y[:, :3]"),
        edit(file, 7, "[x] * by", "[x] * 4", "widened"),
    ]
    with rewritten(model, edits):
        assert [t.shape for t in model(torch.ones(2, 3))] == [(2, 15), (2, 2)]


def test_everything_is_put_back_also_after_an_error(net):
    model, file = net
    functions = functions_of(model, file)
    before = [(function, function.__code__) for function in functions]
    with (
        pytest.raises(ZeroDivisionError),
        rewritten(model, [edit(file, 20, "widened(x, 2)", "1 / 0")]),
    ):
        model(torch.ones(2, 3))
    assert {function.__name__ for function in functions} >= {"widened", "forward", "noisy"}
    assert all(function.__code__ is code for function, code in before)


def test_a_file_that_was_edited_since_is_left_alone(net):
    model, file = net
    Path(file).write_text(CODE.replace("widened(x, 2)", "widened(x, 7)"), encoding="utf-8")
    with (
        pytest.raises(CannotApplyError),
        rewritten(model, [edit(file, 20, "widened(x, 2)", "widened(x, 3)")]),
    ):
        pass


@pytest.mark.parametrize("text", ["widened(x, ", "y = 3", ""])
def test_what_is_no_expression_cannot_stand_for_one(net, text):
    model, file = net
    with (
        pytest.raises(CannotApplyError),
        rewritten(model, [edit(file, 20, "widened(x, 2)", text)]),
    ):
        pass


@pytest.mark.skipif(sys.version_info < (3, 11), reason="positions of instructions are new in 3.11")
def test_two_products_on_one_line_are_told_apart():
    class Two(nn.Module):
        def forward(self, x):
            return (x @ x.T) @ (x @ x)

    report = cnnshape.inspect(Two(), torch.ones(2, 3))
    source = report.trace.operations[report.trace.failure.operation].source
    span = source.span
    line = Path(__file__).read_text(encoding="utf-8").splitlines()[span.line - 1]
    assert line[span.column : span.end_column] == "x @ x"


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("import torch.nn.functional as F", "F"),
        ("from torch.nn import functional", "functional"),
        ("from torch import nn", "nn.functional"),
        ("import torch", "torch.nn.functional"),
        ("import torch\nfrom torch import nn as layers", "layers.functional"),
        ("import numpy", "F"),
    ],
)
def test_functions_are_called_as_the_file_calls_them(tmp_path, imports, name):
    file = tmp_path / f"{abs(hash(imports))}.py"
    file.write_text(imports + "\n", encoding="utf-8")
    assert name_of("F", str(file)) == name
