"""Reading what a module registers: parameters, buffers, hooks, values."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from cnnshape.api.params import params
from cnnshape.errors import UsageError
from cnnshape.experiments.parameters import read_parameters


def test_every_parameter_in_the_order_of_named_parameters() -> None:
    model = nn.Sequential(nn.Conv2d(5, 10, 3), nn.BatchNorm2d(10), nn.Linear(4, 2, bias=False))
    report = read_parameters(model)
    assert [(p.name, p.shape, p.count) for p in report.parameters] == [
        ("0.weight", (10, 5, 3, 3), 450),  # the seed page's convolution: 10×5×3×3
        ("0.bias", (10,), 10),
        ("1.weight", (10,), 10),
        ("1.bias", (10,), 10),
        ("2.weight", (2, 4), 8),
    ]
    assert [(b.name, b.dtype, b.count) for b in report.buffers] == [
        ("1.running_mean", "float32", 10),
        ("1.running_var", "float32", 10),
        ("1.num_batches_tracked", "int64", 1),
    ]
    assert [m.type for m in report.modules] == ["Conv2d", "BatchNorm2d", "Linear"]


def test_the_first_values_are_the_tensors_own() -> None:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.5, -2.0], [0.25, 4.0]]))
        layer.bias.copy_(torch.tensor([float("nan"), float("inf")]))
    weight, bias = read_parameters(layer, values=3).parameters
    assert weight.values == (1.5, -2.0, 0.25)
    assert bias.values == ("nan", "inf")


@pytest.mark.parametrize(
    ("tensor", "values"),
    [
        (torch.tensor([True, False]), (True, False)),
        (torch.tensor([1 + 2j]), ("(1+2j)",)),
        (torch.tensor([0.5, 1.5], dtype=torch.bfloat16), (0.5, 1.5)),
        (torch.eye(2).to_sparse(), (1.0, 0.0, 0.0, 1.0)),
        (torch.arange(6).reshape(2, 3).t(), (0, 3, 1, 4, 2, 5)),
        (torch.zeros(0), ()),
        (torch.zeros(3, device="meta"), None),
        (torch.quantize_per_tensor(torch.tensor([0.5]), 0.5, 0, torch.qint8), (0.5,)),
    ],
)
def test_values_of_every_kind_of_tensor(tensor: torch.Tensor, values: object) -> None:
    module = nn.Module()
    module.register_buffer("b", tensor)
    assert read_parameters(module).buffers[0].values == values


def test_shared_tensors_are_listed_once_with_their_other_names() -> None:
    model = nn.ModuleDict({"encoder": nn.Embedding(7, 3), "decoder": nn.Linear(3, 7, bias=False)})
    model["decoder"].weight = model["encoder"].weight
    (entry,) = read_parameters(model).parameters
    assert (entry.name, entry.shared_with, entry.count) == (
        "encoder.weight",
        ("decoder.weight",),
        21,
    )


def test_frozen_lazy_and_unsaved_ones_say_so() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3))
    model[0].weight.requires_grad_(False)
    model.register_buffer("mask", torch.ones(2), persistent=False)
    report = read_parameters(model)
    by_name = {entry.name: entry for entry in (*report.parameters, *report.buffers)}
    assert not by_name["0.weight"].trainable
    assert by_name["0.bias"].trainable
    lazy = by_name["1.weight"]
    assert (lazy.shape, lazy.count, lazy.values) == (None, None, None)
    assert not by_name["mask"].persistent
    assert report.to_dict()["buffers"][0]["persistent"] is False


def test_hooks_of_every_kind_with_their_functions_names() -> None:
    def watch(*_args: object) -> None: ...

    model = nn.Sequential(nn.Linear(2, 2))
    layer = model[0]
    layer.register_forward_pre_hook(watch)
    layer.register_forward_hook(functools.partial(watch, 1))
    layer.register_full_backward_hook(watch)
    layer.register_state_dict_pre_hook(watch)
    layer.weight.register_hook(watch)
    layer.bias.register_post_accumulate_grad_hook(watch)
    found = [(h.path, h.kind, h.tensor) for h in read_parameters(model).hooks]
    assert found == [
        ("0", "forward_pre_hook", None),
        ("0", "forward_hook", None),
        ("0", "full_backward_hook", None),
        ("0", "state_dict_pre_hook", None),
        ("0", "tensor_hook", "0.weight"),
        ("0", "post_accumulate_grad_hook", "0.bias"),
    ]
    names = {hook.function for hook in read_parameters(model).hooks}
    assert all(name.endswith("watch") for name in names)


def test_pruned_and_normalised_layers_show_what_they_really_hold() -> None:
    pruned = prune.l1_unstructured(nn.Linear(4, 2), "weight", 0.5)
    report = read_parameters(pruned)
    assert [p.name for p in report.parameters] == ["bias", "weight_orig"]
    assert [b.name for b in report.buffers] == ["weight_mask"]
    assert [h.function for h in report.hooks] == ["L1Unstructured"]
    normed = read_parameters(parametrizations.weight_norm(nn.Linear(4, 2)))
    assert [p.name for p in normed.parameters] == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]


def test_the_module_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.LazyLinear(2))
    before = {name: id(tensor) for name, tensor in model.state_dict(keep_vars=True).items()}
    random = torch.get_rng_state()
    read_parameters(model)
    assert {n: id(t) for n, t in model.state_dict(keep_vars=True).items()} == before
    assert torch.equal(torch.get_rng_state(), random)


def test_a_name_is_built_and_a_weights_file_needs_one() -> None:
    report = params("lenet", values=0)
    assert sum(entry.count or 0 for entry in report.parameters) == 61_706
    assert {entry.values for entry in report.parameters} == {()}
    assert (report.spec, report.class_name) == ("lenet", "LeNet")
    with pytest.raises(UsageError, match="weights= is for a model given by name"):
        params(nn.Linear(1, 1), weights="a.pt")


def test_a_scripted_module_lists_what_it_registers():
    net = torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))
    found = read_parameters(net)
    assert [(entry.name, entry.shape) for entry in found.parameters] == [
        ("0.weight", (2, 1, 3, 3)),
        ("0.bias", (2,)),
        ("1.weight", (2,)),
        ("1.bias", (2,)),
    ]
    assert [entry.count for entry in found.buffers] == [2, 2, 1]
