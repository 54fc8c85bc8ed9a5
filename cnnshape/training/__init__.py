"""Training networks that classify pictures: data, loop, checkpoints, curves; on one device or many.

Importing this package does not import torch; the functions below do when they are used.

>>> from cnnshape.training import configure
>>> configure("lenet", "digits", epochs=6).batch_size
64
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnshape.training.config import RECIPES, TrainingConfig, configure
    from cnnshape.training.evaluation import evaluate
    from cnnshape.training.features import FeatureMaps, draw_features, feature_maps
    from cnnshape.training.observer import BatchProgress, Observer, RunStart
    from cnnshape.training.prediction import Prediction, predict
    from cnnshape.training.results import EpochRecord, Evaluation, Mistake, RunResult
    from cnnshape.training.run import resume, train

_HOMES = {
    "BatchProgress": "observer",
    "EpochRecord": "results",
    "Evaluation": "results",
    "FeatureMaps": "features",
    "Mistake": "results",
    "Observer": "observer",
    "Prediction": "prediction",
    "RECIPES": "config",
    "RunResult": "results",
    "RunStart": "observer",
    "TrainingConfig": "config",
    "configure": "config",
    "draw_features": "features",
    "evaluate": "evaluation",
    "feature_maps": "features",
    "predict": "prediction",
    "resume": "run",
    "train": "run",
}

__all__ = [
    "RECIPES",
    "BatchProgress",
    "EpochRecord",
    "Evaluation",
    "FeatureMaps",
    "Mistake",
    "Observer",
    "Prediction",
    "RunResult",
    "RunStart",
    "TrainingConfig",
    "configure",
    "draw_features",
    "evaluate",
    "feature_maps",
    "predict",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
