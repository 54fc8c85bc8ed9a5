"""Training the bundled networks: data, loop, checkpoints, curves; on one device or many.

>>> from cnnshape.training import configure
>>> configure("lenet", "digits", epochs=6).batch_size
64
"""

from cnnshape.training.config import TrainingConfig
from cnnshape.training.observer import Observer
from cnnshape.training.recipes import RECIPES, configure
from cnnshape.training.results import EpochRecord, Evaluation, RunResult
from cnnshape.training.run import evaluate, resume, train

__all__ = [
    "RECIPES",
    "EpochRecord",
    "Evaluation",
    "Observer",
    "RunResult",
    "TrainingConfig",
    "configure",
    "evaluate",
    "resume",
    "train",
]
