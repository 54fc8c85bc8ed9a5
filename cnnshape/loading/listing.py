"""The names that a MODEL argument may be, catalog by catalog.

>>> [model.name for model in list_models("lenet", catalogs=("bundled",)).models]
['lenet', 'lenet-d2l', 'lenet-nopad']
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cnnshape.errors import MissingDependencyError
from cnnshape.models.registry import bundled_models

Catalog = Literal["bundled", "torchvision", "timm"]
CATALOGS: tuple[Catalog, ...] = ("bundled", "torchvision", "timm")

#: torchvision's folders by the name of what they are for; its classifiers lie in several.
_FAMILIES = {
    "segmentation": "segmentation",
    "detection": "detection",
    "video": "video",
    "optical_flow": "optical flow",
    "quantization": "quantized",
}


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One name. ``input`` and ``params`` are known without building it for bundled ones only."""

    name: str
    catalog: Catalog
    family: str = ""
    description: str = ""
    input: tuple[int, ...] | None = None
    params: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as ``cnnshape models -f json`` has it."""
        return {
            "name": self.name,
            "catalog": self.catalog,
            "family": self.family,
            "description": self.description,
            "input": None if self.input is None else list(self.input),
            "params": self.params,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found. ``problems`` says in a sentence per catalog why it could not be read."""

    pattern: str | None
    models: tuple[ListedModel, ...]
    problems: tuple[str, ...]
    timm_installed: bool

    def of(self, catalog: Catalog) -> tuple[ListedModel, ...]:
        """The models of one catalog."""
        return tuple(model for model in self.models if model.catalog == catalog)


def list_models(pattern: str | None = None, catalogs: Sequence[Catalog] = CATALOGS) -> Listing:
    """Every name that contains ``pattern``, whatever its case; all names if it is None.

    Args:
        pattern: part of a name; ``torchvision:res`` looks in one catalog only.
        catalogs: where to look. torchvision and timm are imported for their names; one that
            is missing or broken is a problem in the listing, not an error.
    """
    wanted = (pattern or "").lower().replace("_", "-")
    models: list[ListedModel] = []
    problems: list[str] = []
    for catalog in catalogs:
        if ":" in wanted and not wanted.startswith(f"{catalog}:"):
            continue
        try:
            found = list(_names(catalog))
        except MissingDependencyError as error:
            problems.append(str(error))
            continue
        models += [model for model in found if wanted in model.name.lower().replace("_", "-")]
    return Listing(
        pattern=pattern,
        models=tuple(models),
        problems=tuple(problems),
        timm_installed=importlib.util.find_spec("timm") is not None,
    )


def _names(catalog: Catalog) -> Iterator[ListedModel]:
    if catalog == "bundled":
        for model in bundled_models():
            yield ListedModel(
                name=model.name,
                catalog="bundled",
                description=model.description,
                input=model.usual_input,
                params=model.params,
            )
        return
    from cnnshape.loading import catalogs

    if catalog == "timm":
        for name in catalogs.timm_names():
            yield ListedModel(f"timm:{name}", "timm")
        return
    builders = catalogs.import_torchvision_models()
    for name in catalogs.torchvision_names():
        folder = str(builders.get_model_builder(name).__module__).split(".")[2]
        family = _FAMILIES.get(folder, "classification")
        yield ListedModel(f"torchvision:{name}", "torchvision", family)
