"""One model of a zoo, built and looked at in one way: what a process of its own does."""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cnnshape.sweeping.packages import with_version
from tests.zoo.others import others_model, others_names
from tests.zoo.timm_models import timm_model, timm_names
from tests.zoo.transformers_models import transformers_model, transformers_names

Line = dict[str, Any]
Build = Callable[[str, str], "tuple[Any, Any]"]

ZOOS: dict[str, tuple[Callable[[], list[str]], Build]] = {
    "timm": (timm_names, timm_model),
    "transformers": (transformers_names, transformers_model),
    "others": (others_names, others_model),
}


#: Packages that are imported under another name.
_DISTRIBUTED_AS = {"open_clip": "open_clip_torch"}


@dataclass(frozen=True)
class Look:
    """One model, and the way in which it is looked at."""

    zoo: str
    name: str
    way: str

    def line(self) -> Line:
        """What is known before: the model, its package, the day."""
        package = self.name.partition(":")[0] if self.zoo == "others" else self.zoo
        package = _DISTRIBUTED_AS.get(package, package)
        return {
            "name": self.name,
            "way": self.way,
            "ok": False,
            "package": with_version(package) or package,
            "torch": with_version("torch").partition(" ")[2],
            "date": datetime.now(tz=timezone.utc).date().isoformat(),
        }


def looked(look: Look) -> Line:
    """Build the model, look at it, and judge what came out."""
    from tests.zoo.ways import WAYS

    sys.setrecursionlimit(10_000)
    _, build = ZOOS[look.zoo]
    line = look.line()
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built = build(look.name, "meta")
            start = time.process_time()
            found = WAYS[look.way](*built)
            if _needs_values(found, built[0]):
                built = build(look.name, "cpu")
                start = time.process_time()
                found = WAYS[look.way](*built)
        line |= found
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        line["error"] = f"{type(error).__name__} at {where}: {error}"[:400]
    return line | {"seconds": round(time.process_time() - start, 2)}


def _needs_values(found: Line, model: Any) -> bool:
    """Whether the model failed for want of values, and is small enough to be given some."""
    small = sum(p.numel() for p in model.parameters()) < 500_000_000
    return not found["ok"] and small and "the model has none" in found.get("where", "")
