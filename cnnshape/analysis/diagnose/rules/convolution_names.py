"""What the rules about convolutions share."""

from __future__ import annotations

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.wording import who
from cnnshape.tracing.trace import Module

#: The layers that convolve.
CONVOLUTIONS = frozenset(
    f"{lazy}{name}{n}d"
    for lazy in ("", "Lazy")
    for name in ("Conv", "ConvTranspose")
    for n in (1, 2, 3)
)
TRANSPOSED = "conv_transpose"


def name_of(failing: Failing, layer: Module | None) -> str:
    """The failing layer, or the functional call."""
    if layer is not None and layer.path == failing.path:
        return who(failing.path, failing.module.type)
    function = failing.operation.name if failing.operation else "the call"
    return f"{function} in {failing.path}" if failing.path else function
