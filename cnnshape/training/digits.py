"""scikit-learn's 1,797 handwritten digits: real data that need no network.

They are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and
Kaynak, UCI Machine Learning Repository, 1998): 8×8 pictures with values 0 to 16.
"""

from __future__ import annotations

from typing import Any, cast

import torch

from cnnshape.errors import MissingDependencyError
from cnnshape.training.examples import ImageSet
from cnnshape.training.sampling import every_fifth

CLASSES = tuple(str(digit) for digit in range(10))


def load_digits() -> tuple[tuple[str, ...], ImageSet, ImageSet]:
    """Classes, 1,437 training and 360 test pictures, 1×8×8 bytes each; the split is fixed.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise MissingDependencyError(
            "the digits data set comes with scikit-learn, which is not installed: "
            'pip install "cnnshape[train]"'
        ) from error
    bunch = cast("Any", load())
    values = torch.from_numpy(bunch.images)
    images = (values * (255 / 16)).round().to(torch.uint8)[:, None].contiguous()
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    train, test = every_fifth(labels)
    return CLASSES, ImageSet(images[train], labels[train]), ImageSet(images[test], labels[test])
