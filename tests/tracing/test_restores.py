"""What a forward may do to gradients, flags and memory, put back afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.tracing.execute import Inputs, record


class Model(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.l = nn.Linear(4, 4)
        self.act = act

    def forward(self, x):
        self.act(self, x)
        return self.l(x)


def backward(model, x):
    with torch.enable_grad():
        model.l(x).sum().backward()


def freeze(model, _x):
    model.l.weight.requires_grad_(False)


def average(model, _x):
    model.l.bias.data = model.l.bias.data * 0.5 + 1


def overwrite_input(_model, x):
    x.fill_(6).resize_(8, 4)


def change_default(_model, _x):
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize("act", [backward, freeze, average, overwrite_input, change_default])
@pytest.mark.parametrize("had_gradient", [True, False])
def test_put_back(act, had_gradient):
    model, x = Model(act), torch.randn(2, 4)
    if had_gradient:
        nn.Linear.forward(model.l, x).sum().backward()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    grads = [None if p.grad is None else (p.grad, p.grad.clone()) for p in model.parameters()]
    given = x.clone()
    recorded = record(model, Inputs((x,)))
    assert recorded.exception is None or act is change_default
    for (name, p), grad in zip(model.named_parameters(), grads, strict=True):
        assert torch.equal(p, before[name])
        assert p.requires_grad
        if grad is None:
            assert p.grad is None
        else:
            assert p.grad is grad[0]
            assert torch.equal(p.grad, grad[1])
    assert x.shape == given.shape
    assert torch.equal(x, given)
    assert torch.get_default_dtype() is torch.float32


class Force(nn.Module):
    """The derivative of an energy, as force fields compute it."""

    def __init__(self):
        super().__init__()
        self.energy = nn.Linear(4, 1)

    def forward(self, x):
        x = x.requires_grad_(True)
        (force,) = torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)
        return -force


def test_a_forward_that_differentiates():
    report = cnnshape.inspect(Force(), (2, 4))
    assert report.error is None
    assert report.outputs[0].shape == (2, 4)


def test_one_tensor_given_twice_stays_one():
    class Same(nn.Module):
        def forward(self, a, b):
            return a if a is b else torch.cat([a, b])

    x = torch.zeros(2, 3)
    assert cnnshape.inspect(Same(), (x, x)).outputs[0].shape == (2, 3)


def test_a_nested_tensor_has_sizes_that_are_not_known():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.l = nn.Linear(4, 3)

        def forward(self, x):
            return self.l(torch.nested.nested_tensor([x[0], x[1][:1]]))

    report = cnnshape.inspect(Nested(), (2, 3, 4))
    assert report.error is None
    assert report.layer("l").input_shapes == ((2, "?", 4),)
    assert report.layer("l").macs is None
    assert report.totals.mismatch == 0


def test_an_exception_that_is_no_exception_is_reported():
    class Stop(BaseException):
        pass

    class Raises(nn.Module):
        def forward(self, x):
            raise Stop("here")

    report = cnnshape.inspect(Raises(), (1, 4))
    assert report.error is not None
    assert (report.error.exception, report.error.message) == ("Stop", "here")


def test_a_shared_module_is_found_by_its_other_name():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = nn.Sequential(self.first, nn.ReLU())

        def forward(self, x):
            return self.second(x)

    assert cnnshape.check(Shared(), (1, 4), expect={"second.0": (1, 4)}).ok


def test_a_model_that_contains_itself_is_refused_with_a_sentence():
    parent = nn.Sequential(nn.Linear(4, 4))
    parent[0].parent = parent
    for use in (lambda: cnnshape.inspect(parent, (1, 4)), lambda: cnnshape.params(parent)):
        with pytest.raises(cnnshape.UsageError, match="contains itself"):
            use()
