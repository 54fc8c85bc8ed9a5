"""A network that computes in its page: every layer's maps of a drawing, and one unit worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnshape.rendering.live.chain import Chain
from cnnshape.rendering.live.weights import base64_of, packed
from cnnshape.rendering.page.page import Page

if TYPE_CHECKING:
    from torch import Tensor


def activations_page(
    name: str,
    chain: Chain,
    weights: Mapping[str, Tensor],
    pictures: tuple[Tensor, Sequence[str]],
    taken: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> str:
    """One self-contained HTML file.

    Args:
        name: what the page is called.
        chain: the network's plan.
        weights: its parameters and buffers by name.
        pictures: uint8 N×C×H×W, and what each shows.
        taken: how the network's pictures are: ``mean``, ``std``, ``background`` per channel,
            ``dark``, ``extent``, ``coarse``, ``like``.
        facts: ``classes``, the names of the results; ``about``, a sentence on the weights.
    """
    images, labels = pictures
    live = {
        "name": name,
        "chain": chain.to_dict(),
        "weights": packed({each: weights[each] for each in chain.weights}),
        "pictures": [
            {"label": label, "data": base64_of(image, "u1")}
            for image, label in zip(images, labels, strict=True)
        ],
        "taken": dict(taken),
        **facts,
    }
    return Page(
        template="activations.html",
        title=name,
        entry="live/main.js",
        styles=("activations.css",),
        data={"network": live},
        values={"name": name, "about": facts["about"], "layers": _layers(chain)},
    ).html()


def _layers(chain: Chain) -> list[tuple[str, str]]:
    """What is read where scripts are off: each step's words and size."""
    return [(f"{step.name}  {step.words}", "×".join(map(str, step.output))) for step in chain.steps]
