"""The graph against torch.fx, which finds the dependencies by another way altogether."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.rendering.diagram.fx_truth import fx_dependencies, our_dependencies
from tests.rendering.diagram.models import Residual, Siamese, Tower, TwoHeads, UNet

_QUICK = ("resnet18", "googlenet", "squeezenet1_0", "mobilenet_v3_small", "vit_b_32")
#: fx and the recorder must both take the plain path through attention.
_SIZES = {"inception_v3": 299}


@pytest.fixture(autouse=True)
def _plain_attention():
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(before)


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (Residual(), [(1, 8, 8, 8)]),
        (Tower(), [(1, 3, 8, 8)]),
        (Siamese(), [(1, 1, 9, 9), (1, 1, 9, 9)]),
        (TwoHeads(), [(1, 6)]),
        (UNet(), [(1, 3, 16, 16)]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_small_networks(model: nn.Module, shapes: list[tuple[int, ...]]):
    inputs = [torch.zeros(shape) for shape in shapes]
    ours, connected = our_dependencies(model.eval(), *inputs)
    assert connected
    assert ours == fx_dependencies(model, *inputs)


def _built(name: str) -> nn.Module:
    import torchvision

    arguments: dict[str, object] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        arguments["init_weights"] = False
    if name == "googlenet":
        arguments["aux_logits"] = False
    if name in torchvision.models.list_models(module=torchvision.models.segmentation):
        arguments["weights_backbone"] = None
    try:
        with torch.device("meta"):
            return torchvision.models.get_model(name, **arguments).eval()
    except (RuntimeError, NotImplementedError):  # its constructor reads numbers
        return torchvision.models.get_model(name, **arguments).eval().to("meta")


def _agree(name: str) -> None:
    model = _built(name)
    size = _SIZES.get(name, 224)
    inputs = torch.empty(1, 3, size, size, device="meta")
    ours, connected = our_dependencies(model, inputs)
    theirs = fx_dependencies(model, inputs)
    assert connected
    assert ours - theirs == set(), "edges that fx does not know"
    assert theirs - ours == set(), "edges that only fx knows"


@pytest.mark.torchvision
@pytest.mark.parametrize("name", _QUICK)
def test_torchvision_models(name: str):
    _agree(name)


def _every_name() -> list[str]:
    try:
        import torchvision
    except (ImportError, RuntimeError):
        return []
    models = torchvision.models
    return models.list_models(module=models) + models.list_models(module=models.segmentation)


@pytest.mark.slow
@pytest.mark.torchvision
@pytest.mark.parametrize("name", [name for name in _every_name() if name not in _QUICK])
def test_every_torchvision_classifier_and_segmentation_model(name: str):
    _agree(name)
