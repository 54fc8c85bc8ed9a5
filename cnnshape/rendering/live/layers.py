"""Linear layers and norms."""

from __future__ import annotations

import math
from dataclasses import replace

from cnnshape.rendering.live.call import Found, Given, Refused
from cnnshape.tracing.trace import Ref


def linear(given: Given) -> Found:
    """Every feature over the last axis."""
    return Found("linear", {}, given.weights("weight", "bias"))


def batch_norm(given: Given) -> Found | None:
    """By the mean and variance that were learned."""
    if given["training"] or not isinstance(given["running_mean"], Ref):
        raise Refused("takes its mean and variance from the batch, not from what it has learned")
    roles = ("running_mean", "running_var", "weight", "bias")
    return Found("batch_norm", {"eps": given["eps"]}, given.weights(*roles))


def instance_norm(given: Given) -> Found | None:
    """By those of each map, or by learned ones."""
    if not given["use_input_stats"]:
        arguments = {**given.arguments, "training": False}
        return batch_norm(replace(given, arguments=arguments))
    block = math.prod(given.input[1:])
    return _block_norm(given, block, block)


def group_norm(given: Given) -> Found:
    """By those of the maps of each group."""
    block = math.prod(given.input) // int(given["num_groups"])
    return _block_norm(given, block, math.prod(given.input[1:]))


def layer_norm(given: Given) -> Found:
    """By those of the last axes."""
    return _block_norm(given, math.prod(given["normalized_shape"]), 1)


def _block_norm(given: Given, block: int, each: int) -> Found:
    """Mean and variance of every ``block`` numbers; a weight is that of ``each`` numbers."""
    found = {"block": block, "each": each, "eps": given["eps"]}
    return Found("block_norm", found, given.weights("weight", "bias"))


def response_norm(given: Given) -> Found:
    """By the squares in the maps around each number."""
    found = {name: given.number(name) for name in ("alpha", "beta", "k")}
    return Found("response_norm", {"around": int(given["size"]), **found})
