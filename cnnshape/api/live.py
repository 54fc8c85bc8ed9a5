"""``cnnshape.features_page``: a trained network in one file for a browser, which computes there."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from cnnshape.errors import ModelFailedError, OutputError, UsageError
from cnnshape.messages import say
from cnnshape.words import times

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report
    from cnnshape.training.page_source import PageSource


def features_page(
    run: str | os.PathLike[str] | nn.Module,
    filename: str | os.PathLike[str],
    *,
    inputs: str | tuple[int, ...] | None = None,
    image: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | None = None,
    trust_code: bool = False,
) -> tuple[str, ...]:
    """Write a page in which a network computes: draw a digit, and every layer's maps follow.

    One unit anywhere is worked out number by number, with its receptive field on the drawing. The
    network is a plain chain of convolution, pooling, activation, norm, flatten and linear layers of
    at most 4 million parameters and 200 million multiply-accumulates.

    Args:
        run: a run folder of ``cnnshape train``, a MODEL argument of the command line, or a module.
        filename: the page, which ends in ``.html``.
        inputs: the shape of one picture, ``(1, 1, 28, 28)``: for a module, and for a model without
            a usual input.
        image: a picture file that the page shows first.
        weights: a state dict file, for a model given by name.
        trust_code: run the code that a run folder names, where it names any.

    Returns:
        What a reader should know: that the weights are random, what was done to the picture.

    Raises:
        UsageError: the network is none that a page computes (the sentence names the layer), or a
            file cannot be used.
        ModelFailedError: the model itself raised.

    >>> import cnnshape, pathlib, tempfile, torch
    >>> page = pathlib.Path(tempfile.mkdtemp()) / "conv.html"
    >>> cnnshape.features_page(torch.nn.Conv2d(1, 2, 3), page, inputs=(1, 1, 28, 28))
    ()
    """
    from cnnshape.files import check_target, write_atomic
    from cnnshape.rendering.live.chain import chain_of
    from cnnshape.rendering.page.activations_page import activations_page

    check_page(filename)
    check_target(filename)
    source = _source(run, inputs, image, weights, trust_code=trust_code)
    chain = chain_of(_report(source))
    module = source.module
    page = activations_page(
        source.name,
        chain,
        {**dict(module.named_parameters()), **dict(module.named_buffers())},
        (source.pictures, source.labels),
        asdict(source.taken),
        {"classes": source.classes, "about": source.about},
    )
    write_atomic(filename, page)
    return source.notes


def check_page(filename: str | os.PathLike[str]) -> None:
    """Raise OutputError unless the file's name ends as a page's does."""
    if Path(filename).suffix.lower() not in (".html", ".htm"):
        raise OutputError(
            say("a page is an .html file, and {file} is none", file=os.fspath(filename))
        )


def _source(
    run: str | os.PathLike[str] | nn.Module,
    inputs: str | tuple[int, ...] | None,
    image: str | os.PathLike[str] | None,
    weights: str | os.PathLike[str] | None,
    *,
    trust_code: bool,
) -> PageSource:
    from cnnshape.training.page_source import handed_over, page_source

    picture = None if image is None else Path(image)
    shape = inputs if inputs is None or isinstance(inputs, str) else ",".join(map(str, inputs))
    if not isinstance(run, nn.Module):
        given = None if weights is None else os.fspath(weights)
        return page_source(
            os.fspath(run), picture, input_shape=shape, weights=given, trust_code=trust_code
        )
    if isinstance(inputs, str) or inputs is None or len(inputs) != 4 or inputs[0] != 1:
        raise UsageError(
            say("features_page needs the shape of a picture, as in inputs=(1, 1, 28, 28)")
        )
    if picture is not None or weights is not None:
        raise UsageError(
            say("features_page takes image and weights for a run or a model by its name")
        )
    return handed_over(run, (inputs[1], inputs[2], inputs[3]), type(run).__name__)


def _report(source: PageSource) -> Report:
    """One pass over a picture.

    Raises:
        ModelFailedError: the model raised.
    """
    from cnnshape.api.inspecting import inspect

    report = inspect(source.module, (1, *source.shape))
    if report.error is not None:
        why = report.error.diagnosis or report.error.message
        size = times(source.shape)
        raise ModelFailedError(
            say(
                "{model} does not take a picture of {size}: {reason}",
                model=source.name,
                size=size,
                reason=why,
            )
        )
    return report
