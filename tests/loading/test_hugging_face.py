"""``hf:FOLDER`` and ``hf:config.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.errors import MissingDependencyError, ModelConstructionError, ModelNotFoundError
from cnnshape.loading.model import load
from cnnshape.loading.spec import parse_spec

BERT = {
    "model_type": "bert", "vocab_size": 10, "hidden_size": 4, "num_hidden_layers": 1,
    "num_attention_heads": 1, "intermediate_size": 6, "max_position_embeddings": 16,
}  # fmt: skip
VIT = {
    "model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 4,
    "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 6, "image_size": 8,
    "patch_size": 4, "num_channels": 3,
}  # fmt: skip
CLIP = {
    "model_type": "clip", "projection_dim": 4,
    "text_config": {
        "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1, "vocab_size": 10,
        "num_attention_heads": 1, "max_position_embeddings": 7, "eos_token_id": 1,
    },
    "vision_config": {
        "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1, "image_size": 8,
        "num_attention_heads": 1, "patch_size": 4,
    },
}  # fmt: skip
T5 = {
    "model_type": "t5", "vocab_size": 10, "d_model": 4, "d_kv": 4, "d_ff": 6, "num_layers": 1,
    "num_heads": 1, "is_encoder_decoder": True,
}  # fmt: skip


_SPEECH = {
    "vocab_size": 10, "d_model": 4, "encoder_layers": 1, "decoder_layers": 1,
    "encoder_attention_heads": 1, "decoder_attention_heads": 1, "encoder_ffn_dim": 6,
    "decoder_ffn_dim": 6, "max_target_positions": 5, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 1, "is_encoder_decoder": True,
}  # fmt: skip
WHISPER = {**_SPEECH, "model_type": "whisper", "num_mel_bins": 8, "max_source_positions": 12}
SPEECH_TO_TEXT = {
    **_SPEECH, "model_type": "speech_to_text", "input_feat_per_channel": 8, "conv_channels": 4,
    "max_source_positions": 60,
}  # fmt: skip


def written(folder: Path, config: object, name: str = "config.json") -> str:
    (folder / name).write_text(json.dumps(config), encoding="utf-8")
    return f"hf:{folder}"


def test_a_small_bert_by_hand(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    report = cnnshape.inspect(written(tmp_path, BERT))
    assert report.class_name == "BertModel"
    assert [(value.name, value.shape, value.dtype) for value in report.inputs] == [
        ("input_ids", (1, 16), "int64")
    ]
    # Embeddings (10 + 16 + 2)·4 and a norm of 8; four projections of 20, two norms, 30 and 28
    # in the layer; the pooler's 20.
    assert report.totals.params == 120 + (4 * 20 + 2 * 8 + 30 + 28) + 20
    # 16 tokens: four projections, queries by keys and their sum of values, 4→6→4; one pooled.
    assert report.totals.macs == 16 * 4 * 16 + 2 * 16 * 16 * 4 + 16 * 2 * 24 + 16
    assert report.error is None


def test_a_picture_of_the_configured_size(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    report = cnnshape.inspect(f"{written(tmp_path, VIT)}/config.json")
    assert report.class_name == "ViTForImageClassification"
    assert [(value.name, value.shape) for value in report.inputs] == [
        ("pixel_values", (1, 3, 8, 8))
    ]
    assert report.error is None


@pytest.mark.parametrize(
    ("config", "inputs"),
    [
        (CLIP, ["input_ids=1,7:int64", "pixel_values=1,3,8,8"]),
        (WHISPER, ["input_features=1,8,24", "decoder_input_ids=1,5:int64"]),
        (SPEECH_TO_TEXT, ["input_features=1,200,8", "decoder_input_ids=1,5:int64"]),
        (T5, ["input_ids=1,128:int64", "decoder_input_ids=1,128:int64"]),
    ],
)
def test_several_inputs(tmp_path: Path, config: object, inputs: list[str]) -> None:
    pytest.importorskip("transformers")
    loaded = load(written(tmp_path, config))
    assert loaded.usual_inputs is not None
    assert [str(spec) for spec in loaded.usual_inputs] == inputs
    assert cnnshape.inspect(f"hf:{tmp_path}").error is None


def test_the_configured_dtype_and_an_input_of_ones_own(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    name = written(tmp_path, {**BERT, "dtype": "bfloat16"})
    assert next(load(name).module.parameters()).dtype == torch.bfloat16
    report = cnnshape.inspect(name, {"input_ids": "2,5:int64"})
    assert report.outputs[0].shape == (2, 5, 4)


def test_a_large_one_takes_no_memory(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    large = {**BERT, "hidden_size": 8192, "num_attention_heads": 64, "intermediate_size": 32_768}
    assert load(written(tmp_path, large)).on_meta


def test_foreign_code_is_never_run_and_the_note_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    made = tmp_path / "made"
    for module in ("configuration_evil", "modeling_evil"):
        (tmp_path / f"{module}.py").write_text(f"open({str(made)!r}, 'w')\n", encoding="utf-8")
    evil = {
        "auto_map": {
            "AutoConfig": "configuration_evil.EvilConfig",
            "AutoModel": "modeling_evil.EvilModel",
        },
        "architectures": ["EvilModel"],
        "attn_implementation": "somebody/kernels",
    }
    report = cnnshape.inspect(written(tmp_path, {**BERT, **evil}))
    assert report.class_name == "BertModel"
    assert any("auto_map" in note and "ignored" in note for note in report.notes)
    assert run(["inspect", written(tmp_path, {**evil, "model_type": "evil"})]) == 2
    assert "has no model type 'evil'" in capsys.readouterr().err
    assert not made.exists()


def test_a_missing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, config in (("transformers", BERT), ("diffusers", {"_class_name": "UNet2DModel"})):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingDependencyError, match=f"not installed: pip install {name}"):
            load(written(tmp_path, config))


@pytest.fixture
def diffusers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """As much of diffusers as is asked for: models that are made from a configuration."""

    class ModelMixin(nn.Module):
        @classmethod
        def from_config(cls, config: dict[str, Any]) -> nn.Module:
            return cls(config["in_channels"], config["cross_attention_dim"])

    class UNet2DConditionModel(ModelMixin):
        def __init__(self, channels: int, width: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(channels, width, 1)

        def forward(self, sample, timestep, encoder_hidden_states, class_labels=None):
            words = encoder_hidden_states.mean(1)[..., None, None]
            return self.conv(sample) + words + timestep

    module: Any = ModuleType("diffusers")
    module.__version__ = "0.0"
    module.ModelMixin, module.UNet2DConditionModel = ModelMixin, UNet2DConditionModel
    monkeypatch.setitem(sys.modules, "diffusers", module)
    return module


def test_a_model_of_diffusers(tmp_path: Path, diffusers: ModuleType) -> None:
    config = {
        "_class_name": "UNet2DConditionModel",
        "in_channels": 4,
        "sample_size": 8,
        "cross_attention_dim": 6,
    }
    report = cnnshape.inspect(written(tmp_path, config))
    assert [(value.name, value.shape) for value in report.inputs] == [
        ("sample", (1, 4, 8, 8)),
        ("timestep", ()),
        ("encoder_hidden_states", (1, 77, 6)),
    ]
    assert report.totals.macs == 4 * 6 * 64
    with pytest.raises(ModelNotFoundError, match=r"diffusers 0\.0 has no model 'os'"):
        load(written(tmp_path, {"_class_name": "os"}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no JSON", "is no JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "says neither model_type"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, content: str, words: str) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelConstructionError, match=words) as error:
        load(f"hf:{tmp_path}")
    assert "\n" not in str(error.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="nothing is downloaded"):
        load("hf:bert-base-uncased")
    with pytest.raises(ModelNotFoundError, match=r"holds no config\.json"):
        load(f"hf:{tmp_path}")
    (tmp_path / "unet").mkdir()
    written(tmp_path / "unet", {})
    written(tmp_path, {}, "model_index.json")
    with pytest.raises(ModelNotFoundError, match="a pipeline of several models"):
        load(f"hf:{tmp_path}")
    with pytest.raises(ModelNotFoundError, match="write hf:FOLDER"):
        parse_spec("hf:")
