"""Models of other packages, as far as these are installed; ``package:Model`` names one."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

_Built = tuple[Any, Any]
#: By class: its arguments and its inputs.
_Table = dict[str, tuple[dict[str, Any], Any]]

_PICTURE = "2,3,224,224"


def others_names() -> list[str]:
    """Every model of the packages that are installed."""
    return [
        f"{package}:{name}"
        for package, (names, _) in _PACKAGES.items()
        if find_spec(package)
        for name in names()
    ]


def others_model(name: str, device: str) -> _Built:
    """Build a model on a device, or on the CPU where its constructor needs that."""
    import torch

    package, _, model = name.partition(":")
    build = _PACKAGES[package][1]
    try:
        with torch.device(device):
            built, inputs = build(model)
    except (RuntimeError, NotImplementedError):  # its constructor reads numbers
        built, inputs = build(model)
    return built.eval(), inputs


# ---- packages that name their models themselves -------------------------------------------


def _torchvision_names() -> list[str]:
    from torchvision import models

    return [name for name in models.list_models() if "quantized" not in name]


def _torchvision(name: str) -> _Built:
    from torchvision import models

    own = {"weights_backbone": None} if name in _with_backbone() else {}
    model = models.get_model(name, weights=None, **own)
    if name in models.list_models(module=models.detection):
        return model, ("[3,320,416],[3,256,256]",)
    if name in models.list_models(module=models.video):
        return model, "1,3,16,224,224" if "mvit" in name else "1,3,16,112,112"
    if name in models.list_models(module=models.optical_flow):
        return model, ("1,3,128,160", "1,3,128,160")
    return model, "2,3,299,299" if name == "inception_v3" else _PICTURE


def _with_backbone() -> list[str]:
    from torchvision import models

    return models.list_models(module=models.detection) + models.list_models(
        module=models.segmentation
    )


def _pytorchcv_names() -> list[str]:
    from pytorchcv import model_provider

    return sorted(model_provider._models)


def _pytorchcv(name: str) -> _Built:
    from pytorchcv.model_provider import get_model

    model = get_model(name, pretrained=False)
    height, width = getattr(model, "in_size", (224, 224))
    return model, f"2,{getattr(model, 'in_channels', 3)},{height},{width}"


def _pretrainedmodels_names() -> list[str]:
    from pretrainedmodels import model_names

    return model_names


def _pretrainedmodels(name: str) -> _Built:
    import pretrainedmodels

    model = vars(pretrainedmodels)[name](pretrained=None)
    side = {"nasnetalarge": 331, "pnasnet5large": 331, "polynet": 331}.get(name, 224)
    return model, f"2,3,{side},{side}" if "ception" not in name else "2,3,299,299"


_SMP_ENCODERS = ("resnet34", "mobilenet_v2", "efficientnet-b0", "mit_b0", "tu-convnext_atto")


def _smp_names() -> list[str]:
    import segmentation_models_pytorch as smp

    return [
        f"{arch}-{encoder}" for arch in smp.MODEL_ARCHITECTURES_MAPPING for encoder in _SMP_ENCODERS
    ]


def _smp(name: str) -> _Built:
    import segmentation_models_pytorch as smp

    arch, _, encoder = name.partition("-")
    return smp.create_model(arch, encoder, encoder_weights=None), _PICTURE


def _open_clip_names() -> list[str]:
    """Those whose texts are read by a part of its own: others ask a hub for one."""
    import open_clip

    configs = {name: open_clip.get_model_config(name) for name in open_clip.list_models()}
    return [name for name, config in configs.items() if "hf_model_name" not in config["text_cfg"]]


def _open_clip(name: str) -> _Built:
    import open_clip
    import torch

    model = open_clip.create_model(name, device=torch.get_default_device())
    size = model.visual.image_size
    height, width = size if isinstance(size, tuple) else (size, size)
    return model, (f"1,3,{height},{width}", f"1,{model.context_length}:int64")


# ---- packages whose classes want arguments ------------------------------------------------


def _from(package: str, table: _Table) -> tuple[Callable[[], list[str]], Callable[[str], _Built]]:
    """Names and builder of a table; a name is a path inside the package."""

    def build(name: str) -> _Built:
        module, _, attribute = f"{package}.{name}".rpartition(".")
        kwargs, inputs = table[name]
        return getattr(importlib.import_module(module), attribute)(**kwargs), inputs

    return lambda: list(table), build


_VIT = {"dim": 128, "depth": 2, "heads": 4, "mlp_dim": 256, "num_classes": 10}
_SQUARE = {"image_size": 224, "patch_size": 16}
_VIT_PYTORCH: _Table = {
    "vit.ViT": (_VIT | _SQUARE, _PICTURE),
    "simple_vit.SimpleViT": (_VIT | _SQUARE, _PICTURE),
    "deepvit.DeepViT": (_VIT | _SQUARE, _PICTURE),
    "vit_for_small_dataset.ViT": (_VIT | _SQUARE, _PICTURE),
    "cait.CaiT": (_VIT | _SQUARE | {"cls_depth": 2}, _PICTURE),
    "parallel_vit.ViT": (_VIT | _SQUARE, _PICTURE),
    "vit_with_patch_merger.ViT": (_VIT | _SQUARE | {"patch_merge_layer": 1}, _PICTURE),
    "learnable_memory_vit.ViT": (_VIT | _SQUARE, _PICTURE),
    "simple_vit_with_fft.SimpleViT": (_VIT | _SQUARE | {"freq_patch_size": 16}, _PICTURE),
    "simple_vit_with_register_tokens.SimpleViT": (_VIT | _SQUARE, _PICTURE),
    "vit_3d.ViT": (
        _VIT | {"image_size": 64, "frames": 8, "image_patch_size": 16, "frame_patch_size": 2},
        "1,3,8,64,64",
    ),
    "vivit.ViViT": (
        {"dim": 128, "spatial_depth": 2, "temporal_depth": 2, "heads": 4, "mlp_dim": 256}
        | {"image_size": 64, "frames": 8, "image_patch_size": 16, "frame_patch_size": 2}
        | {"num_classes": 10},
        "1,3,8,64,64",
    ),
    "vit_1d.ViT": (_VIT | {"seq_len": 256, "patch_size": 16}, "1,3,256"),
    "cvt.CvT": ({"num_classes": 10}, _PICTURE),
    "crossformer.CrossFormer": ({"num_classes": 10}, _PICTURE),
    "twins_svt.TwinsSVT": ({"num_classes": 10}, _PICTURE),
    "regionvit.RegionViT": ({"num_classes": 10}, _PICTURE),
    "scalable_vit.ScalableViT": (
        {"num_classes": 10, "dim": 64, "heads": (2, 4, 8, 16), "depth": (2, 2, 2, 2)}
        | {
            "ssa_dim_key": 32,
            "reduction_factor": (8, 4, 2, 1),
            "window_size": (64, 32, None, None),
        },
        "1,3,256,256",
    ),
    "sep_vit.SepViT": (
        {"num_classes": 10, "dim": 32, "depth": (1, 2, 6, 2), "heads": (1, 2, 4, 8)},
        _PICTURE,
    ),
    "max_vit.MaxViT": ({"num_classes": 10, "dim": 64, "depth": (2, 2, 2, 2)}, _PICTURE),
    "nest.NesT": (
        {"image_size": 224, "patch_size": 4, "dim": 96, "heads": 3, "num_hierarchies": 3}
        | {"block_repeats": (2, 2, 8), "num_classes": 10},
        _PICTURE,
    ),
    "mobile_vit.MobileViT": (
        {"image_size": (256, 256), "dims": [96, 120, 144], "num_classes": 10}
        | {"channels": [16, 32, 48, 48, 64, 64, 80, 80, 96, 96, 384]},
        "1,3,256,256",
    ),
    "xcit.XCiT": (_VIT | _SQUARE | {"cls_depth": 2}, _PICTURE),
    "rvt.RvT": (_VIT | _SQUARE, _PICTURE),
    "cct.CCT": ({"img_size": 224, "num_layers": 2, "num_classes": 10}, _PICTURE),
    "t2t.T2TViT": (
        {"dim": 128, "image_size": 224, "depth": 2, "heads": 4, "mlp_dim": 256}
        | {"num_classes": 10},
        _PICTURE,
    ),
}

_VOLUME = "1,1,64,64,64"
_SEGMENTS = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2}
_STRIDED = {"channels": (16, 32, 64), "strides": (2, 2)}
_CODED = {"channels": (16, 32, 64), "strides": (2, 2, 2)}
_MONAI: _Table = {
    "UNet": (_SEGMENTS | _STRIDED | {"num_res_units": 2}, _VOLUME),
    "AttentionUnet": (_SEGMENTS | _STRIDED, _VOLUME),
    "BasicUNet": (_SEGMENTS, _VOLUME),
    "BasicUNetPlusPlus": (_SEGMENTS, _VOLUME),
    "UNETR": ({"in_channels": 1, "out_channels": 2, "img_size": 64}, _VOLUME),
    "SwinUNETR": ({"in_channels": 1, "out_channels": 2, "feature_size": 24}, _VOLUME),
    "SegResNet": (_SEGMENTS, _VOLUME),
    "SegResNetDS": (_SEGMENTS, _VOLUME),
    "SegResNetVAE": ({"input_image_size": (64, 64, 64), "in_channels": 1}, _VOLUME),
    "VNet": (_SEGMENTS, _VOLUME),
    "DynUNet": (
        _SEGMENTS
        | {"kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2]},
        _VOLUME,
    ),
    "HighResNet": (_SEGMENTS, _VOLUME),
    "AutoEncoder": (_SEGMENTS | _CODED, _VOLUME),
    "VarAutoEncoder": (
        {"spatial_dims": 2, "in_shape": (1, 64, 64), "out_channels": 1, "latent_size": 8} | _CODED,
        "2,1,64,64",
    ),
    "DenseNet121": (_SEGMENTS, _VOLUME),
    "EfficientNetBN": ({"model_name": "efficientnet-b0", "pretrained": False}, _PICTURE),
    "SEResNet50": ({"spatial_dims": 2, "in_channels": 3, "num_classes": 2}, _PICTURE),
    "ViT": ({"in_channels": 1, "img_size": 64, "patch_size": 16}, _VOLUME),
    "ViTAutoEnc": ({"in_channels": 1, "img_size": 64, "patch_size": 16}, _VOLUME),
    "MedNeXtS": (_SEGMENTS, _VOLUME),
    "RegUNet": (_SEGMENTS | {"num_channel_initial": 8, "depth": 3}, _VOLUME),
    "DiffusionModelUNet": (
        {"spatial_dims": 2, "in_channels": 1, "out_channels": 1, "num_head_channels": 64},
        ("1,1,64,64", "1:int64"),
    ),
    "AutoencoderKL": (
        {"spatial_dims": 2, "in_channels": 1, "out_channels": 1, "channels": (32, 64)}
        | {"num_res_blocks": (1, 1), "attention_levels": (False, True)},
        "1,1,64,64",
    ),
    "VQVAE": ({"spatial_dims": 2, "in_channels": 1, "out_channels": 1}, "1,1,64,64"),
    "PatchDiscriminator": ({"spatial_dims": 2, "channels": 32, "in_channels": 1}, "1,1,64,64"),
}

_WORDS = {"timestep": "1:int64"}
_DIFFUSERS: _Table = {
    "UNet2DModel": ({"sample_size": 64}, {"sample": "1,3,64,64", **_WORDS}),
    "UNet2DConditionModel": (
        {"sample_size": 64},
        {"sample": "1,4,64,64", "encoder_hidden_states": "1,77,1280", **_WORDS},
    ),
    "UNet1DModel": ({"extra_in_channels": 16}, {"sample": "1,2,65536", **_WORDS}),
    "UNet3DConditionModel": (
        {},
        {"sample": "1,4,8,32,32", "encoder_hidden_states": "1,77,1024", **_WORDS},
    ),
    "ControlNetModel": (
        {},
        {"sample": "1,4,64,64", "encoder_hidden_states": "1,77,1280", **_WORDS}
        | {"controlnet_cond": "1,3,512,512"},
    ),
    "AutoencoderKL": ({}, {"sample": "1,3,64,64"}),
    "AutoencoderTiny": ({}, {"sample": "1,3,64,64"}),
    "AutoencoderDC": ({}, {"sample": "1,3,64,64"}),
    "AutoencoderKLTemporalDecoder": ({}, {"sample": "2,3,64,64"}),
    "AutoencoderKLCogVideoX": ({}, {"sample": "1,3,5,64,64"}),
    "AutoencoderKLWan": ({}, {"sample": "1,3,5,64,64"}),
    "VQModel": ({}, {"sample": "1,3,64,64"}),
    "DiTTransformer2DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,4,32,32", "class_labels": "1:int64", **_WORDS},
    ),
    "PixArtTransformer2DModel": (
        {"num_layers": 2, "caption_channels": 64, "sample_size": 32},
        {"hidden_states": "1,4,32,32", "encoder_hidden_states": "1,20,64", **_WORDS},
    ),
    "SD3Transformer2DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,16,64,64", "encoder_hidden_states": "1,77,4096", **_WORDS}
        | {"pooled_projections": "1,2048"},
    ),
    "FluxTransformer2DModel": (
        {"num_layers": 2, "num_single_layers": 2},
        {"hidden_states": "1,256,64", "encoder_hidden_states": "1,77,4096", "timestep": "1"}
        | {"pooled_projections": "1,768", "img_ids": "256,3", "txt_ids": "77,3"},
    ),
    "AuraFlowTransformer2DModel": (
        {"num_mmdit_layers": 1, "num_single_dit_layers": 2},
        {"hidden_states": "1,4,64,64", "encoder_hidden_states": "1,77,2048", "timestep": "1"},
    ),
    "SanaTransformer2DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,32,32,32", "encoder_hidden_states": "1,77,2304", **_WORDS},
    ),
    "CogVideoXTransformer3DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,13,16,60,90", "encoder_hidden_states": "1,226,4096", **_WORDS},
    ),
    "MochiTransformer3DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,12,4,16,16", "encoder_hidden_states": "1,77,4096", **_WORDS}
        | {"encoder_attention_mask": "1,77:bool"},
    ),
    "WanTransformer3DModel": (
        {"num_layers": 2},
        {"hidden_states": "1,16,4,32,32", "encoder_hidden_states": "1,77,4096", **_WORDS},
    ),
    "UVit2DModel": (
        {"num_hidden_layers": 2},
        {"input_ids": "1,16,16:int64", "encoder_hidden_states": "1,77,768"}
        | {"pooled_text_emb": "1,768", "micro_conds": "1,5"},
    ),
    "PriorTransformer": (
        {"num_layers": 2},
        {"hidden_states": "1,768", "proj_embedding": "1,768", **_WORDS}
        | {"encoder_hidden_states": "1,77,768"},
    ),
}

_SOUND = "1,16000"
_TORCHAUDIO: _Table = {
    "wav2vec2_base": ({}, _SOUND),
    "wavlm_base": ({}, _SOUND),
    "hubert_pretrain_base": ({"num_classes": 100}, (_SOUND, "1,49:int64")),
    "Wav2Letter": ({}, "1,1,16000"),
    "DeepSpeech": ({"n_feature": 64}, "1,1,100,64"),
    "conv_tasnet_base": ({}, "1,1,16000"),
    "hdemucs_low": ({"sources": ["drums", "bass"]}, "1,2,88200"),
    "squim_objective_base": ({}, _SOUND),
    "WaveRNN": (
        {"upsample_scales": [5, 5, 8], "n_classes": 512, "hop_length": 200},
        ("1,1,1200", "1,1,128,10"),
    ),
    "Conformer": (
        {"input_dim": 80, "num_heads": 4, "ffn_dim": 128, "num_layers": 2}
        | {"depthwise_conv_kernel_size": 31},
        ("1,100,80", "1:int64"),
    ),
}

_GRAPH = {"x": "20,16", "edge_index": "2,60:int64"}
_LAYERED = {"in_channels": 16, "hidden_channels": 32, "num_layers": 3, "out_channels": 7}
_TORCH_GEOMETRIC: _Table = {
    **{f"{name}": (_LAYERED, _GRAPH) for name in ("GCN", "GraphSAGE", "GIN", "GAT", "EdgeCNN")},
    "GraphUNet": (
        {"in_channels": 16, "hidden_channels": 32, "out_channels": 7, "depth": 2},
        _GRAPH,
    ),
    "SGFormer": (
        {"in_channels": 16, "hidden_channels": 32, "out_channels": 7},
        _GRAPH | {"batch": "20:int64"},
    ),
}

_KORNIA: _Table = {
    "HardNet": ({"pretrained": False}, "4,1,32,32"),
    "SOSNet": ({"pretrained": False}, "4,1,32,32"),
    "TFeat": ({"pretrained": False}, "4,1,32,32"),
    "XFeatModel": ({}, "1,1,128,160"),
    "DeFMO": ({"pretrained": False}, "1,6,128,160"),
}

_PACKAGES: dict[str, tuple[Callable[[], list[str]], Callable[[str], _Built]]] = {
    "torchvision": (_torchvision_names, _torchvision),
    "pytorchcv": (_pytorchcv_names, _pytorchcv),
    "pretrainedmodels": (_pretrainedmodels_names, _pretrainedmodels),
    "segmentation_models_pytorch": (_smp_names, _smp),
    "open_clip": (_open_clip_names, _open_clip),
    "vit_pytorch": _from("vit_pytorch", _VIT_PYTORCH),
    "monai": _from("monai.networks.nets", _MONAI),
    "diffusers": _from("diffusers", _DIFFUSERS),
    "torchaudio": _from("torchaudio.models", _TORCHAUDIO),
    "torch_geometric": _from("torch_geometric.nn", _TORCH_GEOMETRIC),
    "kornia": _from("kornia.feature", _KORNIA),
}
