"""Every torchvision model against the figures that torchvision publishes with its weights."""

from __future__ import annotations

import warnings

import pytest
import torch

import cnnshape

try:
    from torchvision import models
except (ImportError, RuntimeError):
    pytest.skip("torchvision cannot be imported", allow_module_level=True)

CLASSIFIERS = models.list_models(module=models)
SEGMENTATION = models.list_models(module=models.segmentation)
DETECTION = models.list_models(module=models.detection)

#: One of each family: what runs on every change. The rest is marked slow.
FAST = {
    "alexnet",
    "resnet18",
    "googlenet",
    "inception_v3",
    "vit_b_16",
    "swin_t",
    "lraspp_mobilenet_v3_large",
}


def published(names) -> list:
    """Every weight entry, with what it was measured on."""
    cases = []
    for name in names:
        for weights in models.get_model_weights(name):
            marks = () if name in FAST and weights.name.endswith("V1") else (pytest.mark.slow,)
            cases.append(pytest.param(name, weights, id=f"{name}-{weights.name}", marks=marks))
    return cases


def inspect_as_published(name: str, weights):
    """The architecture that the weights were made for, at the size they were measured at."""
    options = []
    if name in SEGMENTATION:
        size = 520
        if name != "lraspp_mobilenet_v3_large":
            options.append("aux_loss=True")
    else:
        size = weights.transforms().crop_size[0]
        if name.startswith("vit_"):
            options.append(f"image_size={size}")
        if name == "googlenet":
            options.append("aux_logits=False")
    return cnnshape.inspect(
        f"torchvision:{name}({', '.join(options)})", (1, 3, size, size), device="meta"
    )


@pytest.mark.parametrize(("name", "weights"), published(CLASSIFIERS))
def test_classifier_equals_the_published_figures(name, weights):
    report = inspect_as_published(name, weights)
    assert report.error is None
    assert report.totals.params == weights.meta["num_params"]
    assert f"{report.totals.macs / 1e9:.3f}" == f"{weights.meta['_ops']:.3f}"
    assert_consistent(report)


@pytest.mark.parametrize(("name", "weights"), published(SEGMENTATION))
def test_segmentation_equals_the_published_figures(name, weights):
    report = inspect_as_published(name, weights)
    assert report.error is None
    assert report.totals.params == weights.meta["num_params"]
    assert f"{report.totals.macs / 1e9:.3f}" == f"{weights.meta['_ops']:.3f}"
    assert_consistent(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTION)
def test_detection_completes_on_the_cpu(name):
    report = cnnshape.inspect(f"torchvision:{name}", inputs([3, 96, 96]), device="cpu")
    assert report.error is None, report.error
    assert {"boxes", "scores", "labels"} <= {row.name.rpartition(".")[2] for row in report.outputs}
    assert_consistent(report)


def inputs(shape):
    from cnnshape.loading.inputs import from_specs
    from cnnshape.loading.shapes import parse_inputs

    return from_specs(parse_inputs([f"[{','.join(map(str, shape))}]"]))


def assert_consistent(report):
    """No size contradicts its rule, and the columns add up to the totals exactly."""
    assert report.totals.mismatch == 0
    assert sum(layer.params for layer in report.layers) == report.totals.params
    assert sum(layer.macs for layer in report.layers) == report.totals.macs
    root = report.layers[0]
    assert (root.subtree_params, root.subtree_macs) == (report.totals.params, report.totals.macs)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_table_tells_what_torch_would(name: str) -> None:
    """The same values with and without shortcuts, one for one."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        try:
            model = models.get_model(name, weights=None, **options)
        except NotImplementedError:  # RegNets compute their widths by tensors
            with torch.device("cpu"):
                model = models.get_model(name, weights=None)
    size = 299 if name == "inception_v3" else 518 if name == "vit_h_14" else 224
    for mode in ("eval", "train"):
        short, exact = (
            cnnshape.inspect(model, (2, 3, 224, 224) if mode == "train" else (1, 3, size, size),
                             device="meta", mode=mode, exact=each)
            for each in (False, True)
        )  # fmt: skip
        assert short.trace.values == exact.trace.values
        assert short.totals.macs == exact.totals.macs
