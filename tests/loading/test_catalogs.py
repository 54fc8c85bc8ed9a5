"""torchvision and timm by name: every model, without weights, with its usual input."""

from __future__ import annotations

import socket
import sys
import warnings
from types import ModuleType

import pytest
import torch
from torch import nn

from cnnshape.errors import MissingDependencyError, ModelConstructionError, ModelNotFoundError
from cnnshape.loading.catalogs import import_torchvision_models, torchvision_names
from cnnshape.loading.inputs import from_specs
from cnnshape.loading.meta import count_parameters
from cnnshape.loading.model import load
from cnnshape.loading.tensors import make_tensors

try:
    models = import_torchvision_models()
except MissingDependencyError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Any attempt to reach a network fails the test; the caches are empty."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"network used: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))


# One of each family, and those with something special about them.
VARIED = [
    "squeezenet1_1", "vit_b_32", "swin_v2_t", "inception_v3", "googlenet", "maxvit_t",
    "lraspp_mobilenet_v3_large", "fcn_resnet50", "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_mobilenet_v3_large_320_fpn", "r3d_18", "mvit_v1_b", "raft_small",
    "quantized_googlenet", "regnet_y_400mf",
]  # fmt: skip


def _rest() -> list[object]:
    return [pytest.param(name, marks=pytest.mark.slow) for name in torchvision_names()]


def _run(name: str) -> object:
    loaded = load(f"torchvision:{name}", budget=0)
    assert loaded.on_meta
    assert loaded.usual_inputs is not None
    # What meta cannot run (boxes of a detection model) runs for real.
    try:
        args, kwargs = make_tensors(from_specs(loaded.usual_inputs), device="meta")
        with torch.no_grad():
            return loaded.module.eval()(*args, **kwargs)
    except (NotImplementedError, RuntimeError):
        assert name in models.list_models(module=models.detection) or name.startswith("raft")
    loaded = load(f"torchvision:{name}", real=True)
    args, kwargs = make_tensors(from_specs(loaded.usual_inputs))
    with torch.no_grad():
        return loaded.module.eval()(*args, **kwargs)


@pytest.mark.parametrize("name", [*VARIED, *_rest()])
def test_every_torchvision_model_builds_and_takes_its_usual_input(name: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*init_weights.*|.*weight initialization.*")
        output = _run(name)
    assert output is not None


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "fcn_resnet50", "vit_b_16"])
def test_architecture_of_the_published_weights(name: str) -> None:
    published = models.get_model_weights(name).DEFAULT.meta["num_params"]
    assert count_parameters(load(f"torchvision:{name}").module) == published


@pytest.mark.slow
def test_parameters_equal_the_published_ones() -> None:
    wrong = {}
    classifiers = models.list_models(module=models)
    for name in classifiers + models.list_models(module=models.segmentation):
        weights = models.get_model_weights(name)
        published = {w.meta["num_params"] for w in weights}
        found = count_parameters(load(f"torchvision:{name}").module)
        if found not in published:
            wrong[name] = found, published
    assert not wrong


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("resnet18", ["1,3,224,224"]),
        ("inception_v3", ["1,3,299,299"]),
        ("efficientnet_b7", ["1,3,600,600"]),
        ("vit_h_14", ["1,3,224,224"]),
        ("vit_b_16(image_size=384)", ["1,3,384,384"]),
        ("swin_v2_t", ["1,3,256,256"]),
        ("fcn_resnet50", ["1,3,520,520"]),
        ("ssd300_vgg16", ["[3,320,320]"]),
        ("r3d_18", ["1,3,16,112,112"]),
        ("mvit_v2_s", ["1,3,16,224,224"]),
        ("raft_small", ["1,3,128,128", "1,3,128,128"]),
        ("quantized_inception_v3", ["1,3,299,299"]),
    ],
)
def test_usual_inputs(name: str, inputs: list[str]) -> None:
    usual = load(f"torchvision:{name}", budget=0).usual_inputs
    assert [str(spec) for spec in usual or ()] == inputs


def test_arguments_reach_the_builder() -> None:
    assert load("torchvision:resnet18(num_classes=7)").module.fc.out_features == 7
    assert load("torchvision:googlenet(aux_logits=True)").module.aux1 is not None
    assert load("torchvision:fcn_resnet50(aux_loss=False)").module.aux_classifier is None


def test_quantized_for_real() -> None:
    module = load("torchvision:quantized_shufflenet_v2_x0_5(quantize=True)").module
    (x,), _ = make_tensors(
        from_specs(load("torchvision:quantized_shufflenet_v2_x0_5").usual_inputs)
    )
    try:
        assert module(x).shape == (1, 1000)
    except (RuntimeError, NotImplementedError) as error:
        if "quantized engine" not in str(error) and "QuantizedCPU" not in str(error):
            raise
        pytest.skip("no quantized kernels on this machine")


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("torchvision:resnet19", ModelNotFoundError, "no model 'resnet19'; did you mean resnet18"),
        ("torchvision:unet", ModelNotFoundError, "torchvision has no model 'unet'"),
        ("torchvision:resnet18(weights='DEFAULT')", ModelConstructionError,
         "would download weights, and nothing is downloaded for a model: leave weights out"),
        ("torchvision:fcn_resnet50(weights_backbone='DEFAULT')", ModelConstructionError,
         "would download weights"),
        ("torchvision:resnet18(nope=1)", ModelConstructionError, "'nope'"),
        ("resnet18", ModelNotFoundError, "did you mean torchvision:resnet18"),
    ],
)  # fmt: skip
def test_what_is_said(spec: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        load(spec)
    assert words in str(caught.value)


def test_harmless_weight_arguments_are_fine() -> None:
    spec = "torchvision:lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)"
    assert load(spec).class_name == "LRASPP"


def test_torchvision_for_another_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingDependencyError) as error:
        load("torchvision:resnet18")
    message = str(error.value)
    assert f"does not work with torch {torch.__version__}" in message
    assert "(operator torchvision::nms does not exist)" in message
    # The two belong together, so it is the build that does not.
    assert "pip install --force-reinstall --no-deps torchvision==" in message
    # The bundled ones and unknown names do without it.
    assert load("lenet").class_name == "LeNet"
    with pytest.raises(ModelNotFoundError):
        load("resnet_of_mine")


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_a_missing_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)

    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == package:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(MissingDependencyError, match=f"{package} is not installed: pip install"):
        load(f"{package}:resnet18")


class TestTimm:
    @pytest.fixture(autouse=True)
    def timm(self) -> ModuleType:
        return pytest.importorskip("timm")

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("resnet18", "1,3,224,224"),
            ("resnet18.a1_in1k(in_chans=1)", "1,1,224,224"),
            ("vit_tiny_patch16_224(img_size=96)", "1,3,96,96"),
            ("convnext_atto", "1,3,224,224"),
        ],
    )
    def test_builds_and_runs(self, name: str, shown: str) -> None:
        loaded = load(f"timm:{name}")
        assert loaded.usual_inputs is not None
        assert [str(spec) for spec in loaded.usual_inputs] == [shown]
        args, _ = make_tensors(from_specs(loaded.usual_inputs))
        with torch.no_grad():
            assert loaded.module.eval()(*args).shape == (1, 1000)

    def test_large_ones_take_no_memory(self) -> None:
        loaded = load("timm:vit_giant_patch14_224")
        assert loaded.on_meta
        assert count_parameters(loaded.module) > 1e9

    @pytest.mark.parametrize(
        ("spec", "error", "words"),
        [
            ("timm:convnext_tny", ModelNotFoundError, "did you mean convnext_tiny"),
            ("timm:hf-hub:timm/resnet18.a1_in1k", ModelNotFoundError, "timm has no model"),
            ("timm:resnet18(pretrained=True)", ModelConstructionError, "would download weights"),
            ("timm:resnet18(nope=1)", ModelConstructionError, "'nope'"),
        ],
    )
    def test_what_is_said(self, spec: str, error: type[Exception], words: str) -> None:
        with pytest.raises(error) as caught:
            load(spec)
        assert words in str(caught.value)

    @pytest.mark.slow
    def test_a_sample_of_all_builds_and_runs_on_meta(self, timm: ModuleType) -> None:
        names = timm.list_models()[::25]
        failed: dict[str, str] = {}
        for name in names:
            try:
                loaded = load(f"timm:{name}", budget=0)
                args, _ = make_tensors(from_specs(loaded.usual_inputs or ()), device="meta")
                with torch.no_grad():
                    loaded.module.eval()(*args)
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"[:200]
        assert len(names) > 40
        assert not failed


def test_transformers_built_from_a_configuration(tmp_path, monkeypatch) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "bert.py").write_text(
        "from transformers import BertConfig, BertModel\n"
        "def tiny(hidden=64):\n"
        "    return BertModel(BertConfig(hidden_size=hidden, num_hidden_layers=2,\n"
        "        num_attention_heads=2, intermediate_size=64))\n"
        "def pretrained():\n    return BertModel.from_pretrained('bert-base-uncased')\n"
    )
    loaded = load(f"{tmp_path / 'bert.py'}:tiny(hidden=32)")
    args, _ = make_tensors(from_specs([]), device="cpu")
    assert args == ()
    assert isinstance(loaded.module, nn.Module)
    with pytest.raises(ModelConstructionError, match="constructing pretrained raised OSError"):
        load(f"{tmp_path / 'bert.py'}:pretrained")
