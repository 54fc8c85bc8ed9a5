"""What holds while a constructor runs: bounded memory, its own random state, no downloads.

While a constructor runs, a registration hook adds up the parameters. Once their
number exceeds the budget, each further parameter is replaced by its meta twin at the
moment it is registered or copied: ``torch.empty`` memory that nobody has touched is given back,
and the initialisation that follows runs on meta, in no time. Constructors that read
values (``.tolist()`` of a ``linspace``, say) still find real tensors everywhere else,
which they would not under ``torch.device("meta")``.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import sys
import threading
from collections.abc import Callable, Generator, MutableMapping
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.hub
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.nn.parameter import UninitializedParameter
from torch.utils.weak import WeakTensorKeyDictionary

from cnnshape.errors import ModelConstructionError
from cnnshape.loading.meta import Memo, meta_twin, new_memo

if TYPE_CHECKING:
    from types import ModuleType

SEED = 0
"""The seed under which every model is built."""


_DEEPCOPY = cast(
    "Callable[[nn.Parameter, dict[int, Any]], nn.Parameter]", vars(nn.Parameter)["__deepcopy__"]
)


class TooLargeError(MemoryError):
    """A real construction grew beyond the machine's memory; nothing was allocated for it."""


class ParameterMeter:
    """Counts the parameters that are registered and keeps those beyond the budget off memory.

    Attributes:
        total: parameters registered so far, each tensor counted once.
        exceeded: whether any parameter was sent to meta.
        memo: the meta twins of what was sent.
    """

    def __init__(
        self, budget: int | None, limit_bytes: int | None = None, memo: Memo | None = None
    ) -> None:
        self.budget = budget
        self.limit_bytes = limit_bytes
        self.total = 0
        self.total_bytes = 0
        self.exceeded = False
        self.memo = new_memo() if memo is None else memo
        self._seen = cast("MutableMapping[Tensor, bool]", WeakTensorKeyDictionary())
        self._thread = threading.get_ident()

    def __call__(
        self, module: nn.Module, name: str, parameter: nn.Parameter
    ) -> nn.Parameter | None:
        """The registration hook: None keeps the parameter, a tensor replaces it."""
        del module, name
        if threading.get_ident() != self._thread or isinstance(parameter, UninitializedParameter):
            return None
        if parameter in self._seen:
            # Tied or registered again: the same tensor must stay the same tensor.
            return cast("nn.Parameter | None", self.memo.get(parameter))
        self._seen[parameter] = True
        if not self._is_beyond(parameter):
            return None
        twin = cast("nn.Parameter", meta_twin(parameter, self.memo))
        # The twin may be registered elsewhere too; it has been counted already.
        self._seen[twin] = True
        return twin

    def copy(self, parameter: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
        """Stands for ``Parameter.__deepcopy__``: a copy beyond the budget is made on meta.

        Copied layers (``nn.TransformerEncoder`` copies its first) bring their parameters
        along without registering them, so they never pass the hook.
        """
        if id(parameter) in memo:
            return memo[id(parameter)]
        if threading.get_ident() != self._thread or not self._is_beyond(parameter):
            copied = _DEEPCOPY(parameter, memo)
        else:
            copied = cast("nn.Parameter", meta_twin(parameter, new_memo()))
            memo[id(parameter)] = copied
        self._seen[copied] = True
        return copied

    def _is_beyond(self, parameter: nn.Parameter) -> bool:
        """Count one more parameter, and say whether it must go to meta."""
        self.total += parameter.numel()
        if parameter.is_meta:
            return False
        self.total_bytes += parameter.numel() * parameter.element_size()
        if self.limit_bytes is not None and self.total_bytes > self.limit_bytes:
            raise TooLargeError
        beyond = self.budget is not None and self.total > self.budget
        self.exceeded = self.exceeded or beyond
        return beyond


@contextlib.contextmanager
def metered(
    budget: int | None, limit_bytes: int | None = None, memo: Memo | None = None
) -> Generator[ParameterMeter]:
    """Count the parameters registered inside the block; the hook is gone afterwards.

    Args:
        budget: parameters that stay real; the ones beyond go to meta. None: all are real.
        limit_bytes: raise :class:`TooLargeError` as soon as real parameters exceed this.
        memo: meta twins made by an earlier block for the same model.

    >>> with metered(budget=10) as meter:
    ...     small, large = nn.Linear(2, 2), nn.Linear(100, 100)
    >>> meter.total, small.weight.is_meta, large.weight.is_meta
    (10106, False, True)
    """
    meter = ParameterMeter(budget, limit_bytes, memo)
    # torch's stub says that a hook returns nothing; a parameter returned replaces the given one.
    handle = register_module_parameter_registration_hook(cast("Any", meter))
    before = nn.Parameter.__deepcopy__
    draw = Tensor.normal_

    def copy_parameter(self: nn.Parameter, memo: dict[int, Any]) -> nn.Parameter:
        return meter.copy(self, memo)

    def draw_unless_on_meta(self: Tensor, *args: Any, **options: Any) -> Tensor:
        # There is nothing to fill, and torch would import its compiler to say so: a second, 160 MB.
        return self if self.is_meta else draw(self, *args, **options)

    try:
        nn.Parameter.__deepcopy__ = cast("Any", copy_parameter)
        Tensor.normal_ = cast("Any", draw_unless_on_meta)
        yield meter
    finally:
        nn.Parameter.__deepcopy__ = before
        Tensor.normal_ = draw
        handle.remove()


@contextlib.contextmanager
def quiet_randomness(seed: int = SEED, *, numpy: bool = False) -> Generator[None]:
    """Seed torch, ``random`` and NumPy inside the block; afterwards all are as before.

    Args:
        seed: the same seed gives the same numbers.
        numpy: import NumPy's generators if nobody has yet, for code that may use them.

    >>> before = torch.get_rng_state()
    >>> with quiet_randomness():
    ...     first = torch.rand(3)
    >>> with quiet_randomness():
    ...     second = torch.rand(3)
    >>> bool((first == second).all()), bool((before == torch.get_rng_state()).all())
    (True, True)
    """
    python_state = random.getstate()
    generators = _numpy_random(load=numpy)
    numpy_state = generators.get_state() if generators is not None else None
    # Asking CUDA for its generators would initialise it; an untouched one needs no rescue.
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=list(cuda)):
        torch.random.default_generator.manual_seed(seed)
        random.seed(seed)
        if generators is not None:
            generators.seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            if generators is not None and numpy_state is not None:
                generators.set_state(numpy_state)


def _numpy_random(*, load: bool) -> ModuleType | None:
    if load:
        with contextlib.suppress(ImportError):
            return importlib.import_module("numpy.random")
    return sys.modules.get("numpy.random")


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
