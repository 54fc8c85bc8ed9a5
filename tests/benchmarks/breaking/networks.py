"""Forty working networks for pictures, small enough to be broken: bundled, torchvision, timm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cnnshape.models.registry import bundled_models

_CLASSES = 7


@dataclass(frozen=True)
class Network:
    """How a network is built, and the shape of one of its pictures."""

    name: str
    build: Callable[[], nn.Module]
    picture: tuple[int, ...]

    def whole(self) -> nn.Module:
        """The network in eval mode; every number it holds matters to what comes out."""
        torch.manual_seed(0)
        model = self.build().eval()
        with torch.no_grad():
            for tensor in model.parameters():
                if tensor.numel() > 1 and tensor.min() == tensor.max():
                    # A layer scale of 1e-6 or a position of zeros would hide a wrong branch.
                    tensor.uniform_(0.5, 1.5)
            _settle(model, self.pictures(8))
        return model

    def pictures(self, batch: int) -> torch.Tensor:
        """A batch of pictures, always the same for one size."""
        return torch.randn(batch, *self.picture, generator=torch.Generator().manual_seed(batch))


def _settle(model: nn.Module, pictures: torch.Tensor) -> None:
    """Batch norms that know their pictures, as after training: else all outputs are alike."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    if norms:
        model(pictures)
    for norm in norms:
        norm.momentum = 0.1
        norm.eval()


def networks() -> list[Network]:
    """All of them, in an order that does not change."""
    return [*_bundled(), *_of_torchvision(), *_of_timm()]


def _bundled() -> Iterator[Network]:
    for model in bundled_models():
        yield Network(f"bundled/{model.name}", model.load_class(), model.usual_input[1:])


def _of_torchvision() -> Iterator[Network]:
    from torchvision import models
    from torchvision.models import segmentation

    def made(name: str, side: int = 64, home: Any = models, **options: Any) -> Network:
        def build() -> nn.Module:
            return getattr(home, name)(num_classes=_CLASSES, **options)

        return Network(f"torchvision/{name}", build, (3, side, side))

    for name in (
        "alexnet vgg11_bn resnet18 resnet50 mobilenet_v2 mobilenet_v3_small squeezenet1_1 "
        "shufflenet_v2_x0_5 densenet121 mnasnet0_5 efficientnet_b0 regnet_y_400mf convnext_tiny"
    ).split():
        yield made(name)
    yield made("googlenet", aux_logits=False, init_weights=False)
    yield made("inception_v3", 96, aux_logits=False, init_weights=False)
    vit = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 4, "hidden_dim": 64}
    yield made("VisionTransformer", 32, models, mlp_dim=128, **vit)
    swin = {"patch_size": [4, 4], "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4]}
    yield made("SwinTransformer", 64, models, window_size=[4, 4], **swin)
    backbone = {"weights_backbone": None}
    yield made("fcn_resnet50", 64, segmentation, **backbone)
    yield made("lraspp_mobilenet_v3_large", 64, segmentation, **backbone)


def _of_timm() -> Iterator[Network]:
    import timm

    def made(name: str, side: int = 64, **options: Any) -> Network:
        def build() -> nn.Module:
            return timm.create_model(name, num_classes=_CLASSES, **options)

        return Network(f"timm/{name}", build, (3, side, side))

    for name in (
        "ghostnet_050 lcnet_035 tinynet_e convnext_atto poolformer_s12 repvgg_a0 regnetx_002 "
        "dla34 res2net50d edgenext_xx_small mobilevit_xxs"
    ).split():
        yield made(name)
    depth = {"depth": 2}
    yield made("vit_tiny_patch16_224", img_size=64, **depth)
    yield made("mixer_s32_224", img_size=64)
    yield made("cait_xxs24_224", img_size=64, **depth)
    yield made("levit_128s", 224)
    yield made("pvt_v2_b0")
