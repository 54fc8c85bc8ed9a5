"""One step: against torch's plain loop, split over processes, recorded for replay."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnshape.errors import DeviceError
from cnnshape.models.basic_cnn import BasicCNN
from cnnshape.models.lenet import LeNet
from cnnshape.models.mlp import MLP
from cnnshape.training import configure
from cnnshape.training.batches import Batch
from cnnshape.training.optimizers import initialize, make_optimizer
from cnnshape.training.preparation import Preparation
from cnnshape.training.step import GraphedStep, TrainingStep, best_memory_format, make_scaler

PLAIN = Preparation((0.0,), (1.0,), (0.0,))
CPU = torch.device("cpu")


def make_batch(count: int, start: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(start)
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return Batch(torch.arange(start, start + count), images, labels)


def make_step(model: nn.Module, recipe: str = "d2l", **settings: object) -> TrainingStep:
    config = configure("lenet", "digits", recipe, **settings)
    return TrainingStep(model, make_optimizer(model, config), make_scaler("off", CPU), PLAIN)


def test_a_step_is_torchs_plain_step() -> None:
    torch.manual_seed(0)
    model = LeNet()
    other = copy.deepcopy(model)
    batch = make_batch(16)
    result = make_step(model, lr=0.1)(batch, None, 16)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    scores = other(batch.images.float() / 255)
    loss = F.cross_entropy(scores, batch.labels)
    loss.backward()
    optimizer.step()
    assert result.loss.item() / 16 == pytest.approx(loss.item(), rel=1e-5)
    assert result.correct.item() == int((scores.argmax(1) == batch.labels).sum())
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sizes", [(8, 8), (11, 5), (16, 0)])
def test_shares_of_a_batch_add_up_to_the_whole(sizes: tuple[int, int]) -> None:
    """What DistributedDataParallel averages over two processes is the single gradient."""
    torch.manual_seed(0)
    model = LeNet()
    whole = make_batch(16)
    step = make_step(model)
    step(whole, None, 16)
    alone = [parameter.grad.clone() for parameter in model.parameters()]
    torch.manual_seed(0)
    gradients, losses = [], 0.0
    for rank in range(2):
        torch.manual_seed(0)
        model = LeNet()
        step = make_step(model)
        step.world = 2
        cut = slice(0, sizes[0]) if rank == 0 else slice(sizes[0], 16)
        result = step(Batch(*(tensor[cut] for tensor in whole)), None, 16)
        losses += result.loss.item()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for mine, first, second in zip(alone, *gradients, strict=True):
        torch.testing.assert_close(mine, (first + second) / 2, rtol=1e-4, atol=1e-6)
    assert losses > 0


def test_label_smoothing_is_trained_but_not_counted() -> None:
    torch.manual_seed(0)
    model = LeNet()
    batch = make_batch(8)
    scores = model(batch.images.float() / 255).detach()
    step = make_step(model)
    step.label_smoothing = 0.1
    result = step(batch, None, 8)
    expected = F.cross_entropy(scores, batch.labels, reduction="sum")
    assert result.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_xavier_is_for_convolutions_and_linear_layers() -> None:
    model = LeNet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    initialize(model, "xavier")
    # √(6/(fan_in + fan_out)): C1 has 1·25 in and 6·25 out, F4 has 120 and 84.
    bounds = {"C1": (6 / (25 + 150)) ** 0.5, "F4": (6 / (120 + 84)) ** 0.5}
    for name, bound in bounds.items():
        weight = model.state_dict()[f"{name}.weight"]
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.9 * bound
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.endswith("bias")


@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)],
)
def test_optimizers(optimizer: str, kind: type) -> None:
    config = configure("lenet", "digits", optimizer=optimizer, weight_decay=0.02)
    made = make_optimizer(LeNet(), config)
    assert type(made) is kind
    assert made.param_groups[0]["weight_decay"] == 0.02


def test_channels_last_where_the_network_takes_it() -> None:
    assert best_memory_format(LeNet(), (1, 28, 28)) is torch.channels_last
    # BasicCNN flattens 20×4×4 with view, which channels-last memory refuses.
    network = BasicCNN()
    assert best_memory_format(network, (1, 28, 28)) is torch.contiguous_format
    assert network.conv2.weight.is_contiguous()
    assert best_memory_format(MLP(), (1, 28, 28)) is torch.contiguous_format


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(DeviceError, match="--amp fp16 needs a GPU; on the CPU use --amp bf16"):
        make_scaler("fp16", CPU)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_replayed_steps_are_the_same_steps(optimizer: str) -> None:
    """All of the CUDA graph's bookkeeping, with a recorder that runs the step again."""

    def record(run):
        for _ in range(3):
            run()
        result = run()

        def replay() -> None:
            fresh = run()
            result.loss.copy_(fresh.loss)
            result.correct.copy_(fresh.correct)

        return replay, result

    settings = {"optimizer": optimizer, "lr": 0.01, "momentum": 0.9}
    torch.manual_seed(0)
    first, second = LeNet(), LeNet()
    second.load_state_dict(first.state_dict())
    step, graphed = make_step(first, **settings), GraphedStep(make_step(second, **settings), record)
    for number, size in enumerate((8, 8, 8, 3, 8)):
        batch = make_batch(size, start=number)
        one, other = step(batch, None, size), graphed(batch, None, size)
        assert one.loss.item() == other.loss.item()
        assert one.correct.item() == other.correct.item()
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
