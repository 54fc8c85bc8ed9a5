"""Names and brackets: what is misspelt, undefined, called or not called, in the reader's words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape
from tests.analysis.diagnose.as_told import corrected


def error_of(model, *inputs):
    return cnnshape.explain_error(model, *inputs).error


class Spelled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.scale = 3
        self.gain = nn.Parameter(torch.ones(8))


class Veiw(Spelled):
    def forward(self, x):
        return self.fc(x).veiw(2, -1)


class Shpae(Spelled):
    def forward(self, x):
        n = x.shpae[0]
        return self.fc(x).reshape(n, -1)


class Rleu(Spelled):
    def forward(self, x):
        return F.rleu(self.fc(x))


class Catt(Spelled):
    def forward(self, x):
        return torch.catt([x, self.fc(x)], 1)


class Wieght(Spelled):
    def forward(self, x):
        return x @ self.fc.wieght


class Astype(Spelled):
    def forward(self, x):
        return x.astype(torch.float64)


class Hiden(Spelled):
    def forward(self, x):
        hidden = self.fc(x)  # noqa: F841
        return torch.relu(hiden)  # noqa: F821


class WithoutSelf(Spelled):
    def forward(self, x):
        return fc(x)  # noqa: F821


class ShapeCalled(Spelled):
    def forward(self, x):
        return x.reshape(x.shape(0), -1)


class SizeIndexed(Spelled):
    def forward(self, x):
        return x.reshape(x.size[0], -1)


class SizeSliced(Spelled):
    def forward(self, x):
        return x.reshape(*x.size[0:1], -1)


class TransposeCalled(Spelled):
    def forward(self, x):
        return x.T() @ x


class SizeNotCalled(Spelled):
    def forward(self, x):
        return torch.zeros(x.numel) + x.flatten()


class LayerIndexed(Spelled):
    def forward(self, x):
        return self.fc[x]


class LayerBuilt(Spelled):
    def forward(self, x):
        return nn.ReLU(self.fc(x)).sum()


class DimsOfASum(Spelled):
    def forward(self, x):
        return self.fc(x).sum(dims=1)


class AxisOfASoftmax(Spelled):
    def forward(self, x):
        return F.softmax(self.fc(x), axis=1)


class CatWithoutAList(Spelled):
    def forward(self, x):
        return torch.cat(x, self.fc(x), -1)


class HalfASize(Spelled):
    def forward(self, x):
        return self.fc(x).reshape(x.shape[1] / 2, -1)


class FloatOfZeros(Spelled):
    def forward(self, x):
        return x + torch.zeros((2.0, 8), device=x.device)


class LoopOverANumber(Spelled):
    def forward(self, x):
        for _ in x.shape[0]:
            x = self.fc(x)
        return x


class SumOfAMaximum(Spelled):
    def forward(self, x):
        return self.fc(x).max(dim=1).sum()


class ReluOfTheLargest(Spelled):
    def forward(self, x):
        return torch.relu(torch.topk(x, 3))


CORRECTED = [
    (DimsOfASum, "call.arguments", "sum has no argument 'dims'; did you mean dim?"),
    (AxisOfASoftmax, "call.arguments", "softmax has no argument 'axis'; did you mean dim?"),
    (CatWithoutAList, "call.arguments", "cat takes its tensors in one list"),
    (HalfASize, "call.whole", "reshape takes whole numbers, and x.shape[1] / 2 is a float"),
    (FloatOfZeros, "call.whole", "zeros takes whole numbers, and 2.0 is a float"),
    (LoopOverANumber, "call.arguments", "x.shape[0] is a number"),
    (SumOfAMaximum, "output.several", "self.fc(x).max(dim=1) gives two tensors"),
    (ReluOfTheLargest, "output.several", "torch.topk(x, 3) gives two tensors"),
    (Veiw, "attribute.misspelt", "a Tensor has no attribute 'veiw'; did you mean view?"),
    (Shpae, "attribute.misspelt", "a Tensor has no attribute 'shpae'; did you mean shape?"),
    (Rleu, "attribute.misspelt", "torch.nn.functional has no attribute 'rleu'; did you mean relu?"),
    (Catt, "attribute.misspelt", "torch has no attribute 'catt'; did you mean cat?"),
    (Wieght, "attribute.misspelt", "a Linear has no attribute 'wieght'; did you mean weight?"),
    (Astype, "attribute.misspelt", "a Tensor has no attribute 'astype'; did you mean to?"),
    (Hiden, "name.undefined", "forward uses 'hiden', which is not defined; did you mean hidden?"),
    (WithoutSelf, "name.undefined", "'fc', which is not defined; did you mean self.fc?"),
    (ShapeCalled, "call.misused", "shape is no method of tensors"),
    (SizeIndexed, "call.misused", "size is a method of tensors: it is called"),
    (SizeSliced, "call.misused", "size is a method of tensors: it is called"),
    (TransposeCalled, "call.misused", "T is no method of tensors: it is read without brackets"),
    (SizeNotCalled, "call.misused", "numel is a method of tensors, and here it is not called"),
    (LayerIndexed, "call.misused", "self.fc is a layer (Linear): it is called with round brackets"),
    (LayerBuilt, "call.misused", "nn.ReLU(…) builds a layer and does not run it"),
]


@pytest.mark.parametrize(("build", "kind", "said"), CORRECTED, ids=lambda item: str(item)[:30])
def test_the_line_put_right_runs(build, kind, said):
    """What is proposed is pasted into the class, and the class then runs."""
    x = torch.randn(2, 8)
    error = error_of(build(), x)
    assert error.kind == kind
    assert said in error.diagnosis
    first = error.suggestions[0]
    assert first.verified
    assert first.runs
    model, inputs, keywords = corrected(build, (x,), {}, first.to_dict())
    model(*inputs, **keywords)


def test_names_that_are_equally_near_are_all_told_and_none_proposed():
    class Pool(nn.Module):
        def forward(self, x):
            return F.max_pool(x, 2)

    error = error_of(Pool(), torch.zeros(1, 3, 8, 8))
    assert "did you mean max_pool1d, max_pool2d or max_pool3d?" in error.diagnosis
    assert error.suggestions == ()


def test_a_name_that_nothing_resembles_is_told_without_a_guess():
    class Unknown(nn.Module):
        def forward(self, x):
            return x + frobnicate  # noqa: F821

    error = error_of(Unknown(), torch.zeros(2))
    assert error.diagnosis == "forward uses 'frobnicate', which is not defined"
    assert error.suggestions == ()


def test_a_variable_that_has_no_value_yet():
    class Branch(nn.Module):
        def forward(self, x):
            if x.dim() > 5:
                y = x
            return y

    error = error_of(Branch(), torch.zeros(2))
    assert error.kind == "name.undefined"
    assert "Branch.forward reads 'y' before it has a value" in error.diagnosis


def test_a_number_in_the_place_of_a_layer():
    class Number(Spelled):
        def forward(self, x):
            return self.scale(x)

    error = error_of(Number(), torch.zeros(2, 8))
    assert (error.kind, error.suggestions) == ("call.misused", ())
    assert error.diagnosis == "self.scale is 3, which cannot be called"


def test_a_parameter_in_the_place_of_a_layer():
    class Gain(Spelled):
        def forward(self, x):
            return self.gain(x)

    error = error_of(Gain(), torch.zeros(2, 8))
    assert error.diagnosis == "self.gain is a tensor of 8 and no layer: it cannot be called"


def test_a_layer_handed_on_in_the_place_of_its_result():
    class Handed(Spelled):
        def forward(self, x):
            return torch.relu(self.fc)

    error = error_of(Handed(), torch.zeros(2, 8))
    assert error.kind == "call.misused"
    assert "self.fc is a layer (Linear)" in error.diagnosis


@pytest.mark.parametrize("given", [(2, 8), {"x": torch.zeros(2, 8)}, {"x": (2, 8)}])
def test_a_forward_that_is_not_there_is_no_fault_of_the_inputs(given):
    class Farward(Spelled):
        def farward(self, x):
            return self.fc(x)

    error = cnnshape.inspect(Farward(), given).error
    assert error.kind == "module.no_forward"
    assert "did you mean forward instead of farward?" in error.diagnosis
    assert error.suggestions[0].text == "def forward(self, x):"
    assert error.suggestions[0].runs


class Listed(nn.Module):
    def __init__(self, keep=list):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.layers = keep([nn.Linear(8, 8), nn.Linear(8, 2)])

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_in_a_list_keep_their_dtype():
    error = error_of(Listed().double(), torch.zeros(2, 8, dtype=torch.float64))
    assert error.kind == "module.unregistered"
    assert error.diagnosis.startswith("Listed.layers is a plain list or dict")
    assert "changed the model to float64 left them at float32" in error.diagnosis
    assert error.suggestions[0].text == "self.layers = nn.ModuleList(self.layers)"
    fixed = Listed(nn.ModuleList).double()
    assert error_of(fixed, torch.zeros(2, 8, dtype=torch.float64)) is None


def test_layers_in_a_list_stay_on_their_device():
    error = error_of(Listed().to("meta"), torch.zeros(2, 8, device="meta"))
    assert error.kind == "module.unregistered"
    assert "the model is on meta, and they are on cpu" in error.diagnosis
    assert error_of(Listed(nn.ModuleList).to("meta"), torch.zeros(2, 8, device="meta")) is None


def test_a_list_of_layers_is_told_of_where_nothing_fails():
    (note,) = cnnshape.inspect(Listed(), (2, 8)).notes
    assert note.startswith("Listed.layers is a plain list or dict of layers")
    assert cnnshape.inspect(Listed(nn.ModuleList), (2, 8)).notes == ()
    again = Listed(nn.ModuleList)
    again.some = [again.layers[0], nn.ReLU()]
    assert cnnshape.inspect(again, (2, 8)).notes == ()


def test_a_list_that_is_called():
    class Called(Listed):
        def forward(self, x):
            return self.layers(x)

    error = error_of(Called(), torch.zeros(2, 8))
    assert error.kind == "call.misused"
    assert (
        "self.layers is a plain list or dict of layers, which cannot be called" in error.diagnosis
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (lambda x: x.unsqueeze(), "unsqueeze needs dim as well"),
        (lambda x: torch.softmax(x), "softmax needs dim as well"),
        (lambda x: F.dropout(x, prob=0.5), "dropout has no argument 'prob'"),
        (lambda x: x.chunk(2, 1) + 1, "x.chunk(2, 1) gives 2 tensors, which are used as one"),
    ],
)
def test_what_is_known_without_a_correction(line, said):
    class Net(nn.Module):
        def forward(self, x):
            return line(x)

    error = error_of(Net(), torch.zeros(2, 8))
    assert error.diagnosis == said
    assert error.suggestions == ()


@pytest.mark.parametrize("name", ["__int__", "_init_", "init"])
def test_a_constructor_that_python_does_not_call(name):
    def make(self):
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x)

    make.__name__ = name
    error = error_of(type("Net", (nn.Module,), {name: make, "forward": forward})(), torch.zeros(2))
    assert error.kind == "module.missing_attribute"
    assert error.diagnosis == (
        f"the Net has no attribute 'fc', since Net.{name} is not run when it is built; "
        f"did you mean __init__ instead of {name}?"
    )


def test_forward_without_self():
    class NoSelf(nn.Module):
        def forward(x):
            return x

    error = error_of(NoSelf(), torch.zeros(2))
    assert error.kind == "forward.arguments"
    assert error.diagnosis == "NoSelf.forward(x) has no self: the module itself arrives as x"
    assert error.suggestions[0].text == "def forward(self, x):"


def test_self_by_another_name_is_self():
    class Short(nn.Module):
        def __init__(s):
            super().__init__()

        def forward(s, x):
            return x

    error = error_of(Short(), torch.zeros(2), torch.zeros(2))
    assert "Short.forward(x) takes 1 argument, but the Short is called with 2" in error.diagnosis


@pytest.mark.parametrize(
    "line",
    [
        lambda x: nn.Dropout(0.1)(x) + np.array(["a"]),
        lambda x: nn.Dropout(0.1 * x.dim())(x).veiw(-1),
        lambda x: len(3) + x.size(0),
        lambda x: x.size(0) + "a",
    ],
)
def test_other_mistakes_on_such_lines_are_not_taken_for_these(line):
    class Other(nn.Module):
        def forward(self, x):
            return line(x)

    assert error_of(Other(), torch.zeros(2, 3)).kind != "call.misused"


class OwnMethod(Spelled):
    def _inner(self, x):
        return self.fc(x)

    def forward(self, x):
        return self._iner(x)


def test_a_method_of_the_authors_own_with_an_underscore():
    error = error_of(OwnMethod(), torch.zeros(2, 8))
    assert error.kind == "attribute.misspelt"
    assert error.diagnosis.endswith("has no attribute '_iner'; did you mean _inner?")
    (first,) = error.suggestions
    assert (first.text, first.runs) == ("self._inner", True)
