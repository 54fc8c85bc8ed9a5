"""Whether a model's weights are random: what another seed gives otherwise."""

from __future__ import annotations

from dataclasses import replace

import torch

from cnnshape.errors import CnnshapeError
from cnnshape.loading.model import LoadedModel, load

_CATALOGS = ("bundled", "torchvision", "timm", "hf")
_TRAINED = ("run", "saved")
_OTHER_SEED = 1
#: A larger model is not built twice.
_MOST = 25_000_000


def random_weights(loaded: LoadedModel) -> bool | None:
    """Whether a weight of the model is random, as it was built; None where nobody knows.

    A model of the user's own code is built once more with another seed: its code may set weights
    by hand, or load them.

    >>> random_weights(load("lenet"))
    True
    """
    spec = loaded.spec
    if spec.kind in _CATALOGS:
        return True
    own = dict(loaded.module.named_parameters())
    weights = {name: tensor for name, tensor in own.items() if tensor.dim() > 1}
    if spec.kind in _TRAINED or not weights:
        return False
    if sum(tensor.numel() for tensor in own.values()) > _MOST:
        return None
    try:
        other = load(replace(spec, seed=_OTHER_SEED), real=True)
    except CnnshapeError:  # it need not work twice
        return None
    if other.module is loaded.module:  # an instance in a module that stays imported
        return None
    again = dict(other.module.named_parameters())
    return any(
        name not in again or not torch.equal(tensor, again[name])
        for name, tensor in weights.items()
    )
