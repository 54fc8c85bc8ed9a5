"""cnnshape: what shape is this PyTorch network, why, and what does it look like?

>>> import cnnshape
>>> cnnshape.inspect("lenet").totals.params
61706
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cnnshape._version import __version__
from cnnshape.errors import CnnshapeError, UsageError

if TYPE_CHECKING:
    from cnnshape import operations
    from cnnshape.analysis.report import Report
    from cnnshape.api.annotating import annotate
    from cnnshape.api.checking import check
    from cnnshape.api.comparing import compare
    from cnnshape.api.drawing import draw
    from cnnshape.api.explaining import explain, explain_error
    from cnnshape.api.inspecting import inspect
    from cnnshape.api.live import features_page
    from cnnshape.api.params import params
    from cnnshape.api.sizing import sizes
    from cnnshape.api.sweeping import sweep
    from cnnshape.formulas.formula_call import formula

#: Public name → the module it lives in, and its name there. They are imported on first use,
#: because torch takes a second to import and a size formula needs none of it.
_HOMES = {
    "Report": ("cnnshape.analysis.report", "Report"),
    "annotate": ("cnnshape.api.annotating", "annotate"),
    "check": ("cnnshape.api.checking", "check"),
    "compare": ("cnnshape.api.comparing", "compare"),
    "draw": ("cnnshape.api.drawing", "draw"),
    "explain": ("cnnshape.api.explaining", "explain"),
    "explain_error": ("cnnshape.api.explaining", "explain_error"),
    "features_page": ("cnnshape.api.live", "features_page"),
    "formula": ("cnnshape.formulas.formula_call", "formula"),
    "inspect": ("cnnshape.api.inspecting", "inspect"),
    "load_ipython_extension": ("cnnshape.integrations.notebook", "load"),
    "operations": ("cnnshape.operations", ""),
    "params": ("cnnshape.api.params", "params"),
    "sizes": ("cnnshape.api.sizing", "sizes"),
    "sweep": ("cnnshape.api.sweeping", "sweep"),
    "unload_ipython_extension": ("cnnshape.integrations.notebook", "unload"),
}

__all__ = [
    "CnnshapeError",
    "Report",
    "UsageError",
    "__version__",
    "annotate",
    "check",
    "compare",
    "draw",
    "explain",
    "explain_error",
    "features_page",
    "formula",
    "inspect",
    "operations",
    "params",
    "sizes",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cnnshape' has no attribute {name!r}")
    home, there = _HOMES[name]
    module = importlib.import_module(home)
    value = getattr(module, there) if there else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
