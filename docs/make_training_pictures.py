"""Draw the pictures of training.md anew: ``python docs/make_training_pictures.py``.

A default run on digits, and its first layer on one test picture.
"""

import shutil
import tempfile
from pathlib import Path

import torch

from cnnshape.loading.run_folder import load_run, read_run
from cnnshape.training import configure, draw_features, feature_maps, train
from cnnshape.training.datasets import load_data
from cnnshape.training.preparation import Preparation

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Train, and copy what the run folder holds."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "lenet-digits"
        train(configure("lenet", "digits", seed=1), output=str(folder))
        for name in ("curves.svg", "confusion.svg", "mistakes.png"):
            if (folder / name).is_file():
                shutil.copy(folder / name, IMAGES / f"training-{name}")
        run = read_run(folder)
        digit = load_data("digits", "data", run.input_shape).test.read(torch.tensor([110]))
        prepared = Preparation(run.mean, run.std, run.background)(digit)
        maps = feature_maps(load_run(folder), digit[0].float() / 255, prepared, "C1")
        draw_features(maps, IMAGES / "training-features.png", "lenet-digits")


if __name__ == "__main__":
    main()
