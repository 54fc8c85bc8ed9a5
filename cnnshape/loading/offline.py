"""Nothing is ever downloaded for a MODEL: the doors that libraries use are shut meanwhile."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator

import torch.hub

from cnnshape.errors import ModelConstructionError


@contextlib.contextmanager
def no_downloads() -> Generator[None]:
    """Refuse ``torch.hub`` downloads and keep the Hugging Face client offline in the block.

    Files that are in a cache already are still read.

    Raises:
        ModelConstructionError: from inside the block, when something asks for a download.
    """
    download = torch.hub.download_url_to_file
    hub_offline = os.environ.get("HF_HUB_OFFLINE")
    torch.hub.download_url_to_file = _refuse
    # Read when huggingface_hub is imported; a copy imported earlier has it as a constant.
    os.environ["HF_HUB_OFFLINE"] = "1"
    constants = sys.modules.get("huggingface_hub.constants")
    constant = getattr(constants, "HF_HUB_OFFLINE", None)
    if constants is not None:
        constants.__dict__["HF_HUB_OFFLINE"] = True
    try:
        yield
    finally:
        torch.hub.download_url_to_file = download
        if hub_offline is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = hub_offline
        imported = sys.modules.get("huggingface_hub.constants")
        if imported is not None:
            if constants is None:  # imported inside the block: what it would have read outside
                constant = (hub_offline or "").upper() in {"1", "ON", "YES", "TRUE"}
            imported.__dict__["HF_HUB_OFFLINE"] = constant


def _refuse(url: str, dst: str, *_: object, **__: object) -> None:
    raise ModelConstructionError(
        f"the constructor wants to download {url}, and nothing is downloaded for a model: "
        "construct it without pretrained weights (weights=None, pretrained=False), "
        f"or put the file at {dst}"
    )
