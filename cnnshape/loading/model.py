"""``load``: a MODEL argument becomes an ``nn.Module``, without memory if it is large.

>>> loaded = load("lenet")
>>> type(loaded.module).__name__, loaded.on_meta, str(loaded.usual_inputs[0])
('LeNet', False, '1,1,28,28')
>>> load("mlp", budget=100_000).on_meta
True
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.jit import ScriptModule

from cnnshape.errors import (
    MissingDependencyError,
    ModelConstructionError,
    ModelNotFoundError,
    RunFolderError,
    WeightsError,
)
from cnnshape.exits import exits_refused
from cnnshape.interrupts import held
from cnnshape.loading.construct import (
    ParameterMeter,
    TooLargeError,
    metered,
    no_downloads,
    quiet_randomness,
)
from cnnshape.loading.initialised import check_initialised
from cnnshape.loading.machine_memory import physical_memory
from cnnshape.loading.meta import Memo, count_parameters, meta_copy, move_to_meta, new_memo
from cnnshape.loading.shapes import InputSpec
from cnnshape.loading.spec import Kind, ModelSpec, parse_spec
from cnnshape.loading.target import find_target, make_module, named_arguments
from cnnshape.loading.unwrap import unwrap
from cnnshape.messages import joined, say
from cnnshape.models.registry import find_bundled

PARAMETER_BUDGET = 25_000_000
"""Parameters up to which a model is built for real (100 MB in float32).

A real forward pass of such a model takes well under a second, and only real execution
catches everything; anything larger is built on the meta device.
"""

_TRANSIENT_BYTES = 2_000_000_000
"""Memory that building a small model may take in between, for parts that it throws away."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, ready to be run.

    Attributes:
        spec: the MODEL argument it was built from.
        module: the model, in the mode its constructor left it in.
        usual_inputs: what it is run on when no input is given; None if nobody knows.
        on_meta: whether its parameters live on the meta device, without memory.
        note: what was unusual about building it; otherwise empty.
    """

    spec: ModelSpec
    module: nn.Module
    usual_inputs: tuple[InputSpec, ...] | None
    on_meta: bool
    note: str = ""

    @property
    def class_name(self) -> str:
        """The class of the model, wrappers, TorchScript and exported programs looked through."""
        inner = unwrap(self.module)
        written = "original_name" if isinstance(inner, ScriptModule) else "_ty"
        return str(getattr(inner, written, type(inner).__name__)).rpartition(".")[2]


def load(
    spec: str | ModelSpec,
    *,
    weights: str | Path | None = None,
    budget: int | None = None,
    real: bool = False,
    trust_pickle: bool = False,
) -> LoadedModel:
    """Build the model that a MODEL argument names. Naming a file runs it.

    Nothing is downloaded, the process's random generators, ``sys.path`` and ``sys.argv``
    are as before, and the result does not depend on them. What the user's code prints
    goes to stderr.

    Args:
        spec: a MODEL argument, or one parsed already.
        weights: a state dict file to load into the model.
        budget: parameters up to which the model is real; beyond, all of its parameters
            and buffers are on meta and take no memory. None: 25 million. 0: always meta.
        real: build for real, however large (up to the machine's memory). A caller that
            finds out that it needs values calls again with this.
        trust_pickle: unpickle a module saved whole, which runs whatever the file says.

    Raises:
        ModelNotFoundError: the name, file or attribute does not exist.
        ModelConstructionError: it exists and does not give an ``nn.Module``.
        MissingDependencyError: torchvision or timm is needed and not installed.
        WeightsError: the weights file cannot be read or does not fit.
    """
    parsed = spec if isinstance(spec, ModelSpec) else parse_spec(spec, more_names)
    if trust_pickle:
        parsed = replace(parsed, trust_pickle=True)
    loaded = _build(parsed, PARAMETER_BUDGET if budget is None else budget, real=real)
    if weights is not None:
        from cnnshape.loading.weights import load_weights

        load_weights(loaded.module, _weights_file(weights))
    return loaded


def _weights_file(name: str | Path) -> Path:
    if not str(name):
        raise WeightsError(say("weights '' names no file: give a .pt, .pth or .safetensors file"))
    if "://" in str(name):
        raise WeightsError(say("nothing is downloaded: save {name} and give the file", name=name))
    return Path(name)


def _build(spec: ModelSpec, budget: int, *, real: bool) -> LoadedModel:
    note = ""
    try:
        found = _construct(spec, None if real else budget, physical_memory() if real else None)
    except ModelConstructionError as error:
        if real or not isinstance(error, _MetaInTheWayError):
            raise
        # Parameters on meta have no values; real ones may be all the constructor needs.
        found = _construct(spec, None, physical_memory())
        note = say("its constructor needs real values, so it took memory while it was built")
    sent = found.exceeded and _is_on_meta(found.module)
    if sent and count_parameters(found.module) <= budget:
        # Only parts that were thrown away exceeded the budget; what is left can be real.
        with contextlib.suppress(ModelConstructionError):
            found = _construct(spec, None, _TRANSIENT_BYTES)
            sent = False
    note = joined(say("; "), filter(None, (note, found.note)))
    module = found.module
    if not real and (sent or count_parameters(module) > budget):
        with held():
            module = meta_copy(module) if found.shared else move_to_meta(module, found.memo)
    return LoadedModel(spec, module, found.usual_inputs, on_meta=_is_on_meta(module), note=note)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a construction gave, and what is needed to move it to meta consistently."""

    module: nn.Module
    usual_inputs: tuple[InputSpec, ...] | None
    memo: Memo
    exceeded: bool
    note: str = ""
    shared: bool = False
    """An instance that other code in this process may hold: never to be changed in place."""


class _MetaInTheWayError(ModelConstructionError):
    """The constructor raised after parameters had been sent to meta."""


def _construct(spec: ModelSpec, budget: int | None, limit_bytes: int | None) -> _Found:
    """Build the model once; parameters beyond ``budget`` go to meta as they come."""
    meters: list[ParameterMeter] = []

    @contextlib.contextmanager
    def meter() -> Generator[ParameterMeter]:
        with metered(budget, limit_bytes, meters[-1].memo if meters else None) as current:
            meters.append(current)
            yield current

    try:
        with (
            held(),
            contextlib.redirect_stdout(sys.stderr),
            exits_refused(),
            no_downloads(),
            quiet_randomness(spec.seed),
            _on_the_cpu(),
        ):
            found = _BUILDERS[spec.kind](spec, meter)
            check_initialised(found.module)
            return found
    except ModelConstructionError as error:
        if isinstance(error.__cause__, TooLargeError) and limit_bytes is not None:
            raise ModelConstructionError(
                say(
                    "{model} needs more memory than the {size:.0f} GB of this machine to be built "
                    "for real, and its constructor reads values, which the meta device does not "
                    "have",
                    model=spec.text,
                    size=limit_bytes / 1e9,
                )
            ) from error
        if any(m.exceeded for m in meters) and _may_come_from_meta(error.__cause__):
            raise _MetaInTheWayError(*error.args) from error.__cause__
        raise


def _on_the_cpu() -> contextlib.AbstractContextManager[object]:
    """Undo ``torch.set_default_device`` and ``with torch.device(…)`` of the caller."""
    # Asked of a tensor: get_default_device() fails in torch 2.6 after set_default_device(None).
    if torch.empty(0).device.type == "cpu":
        return contextlib.nullcontext()
    return torch.device("cpu")


_Meter = Callable[[], contextlib.AbstractContextManager[ParameterMeter]]


def _from_bundled(spec: ModelSpec, meter: _Meter) -> _Found:
    model = find_bundled(spec.source)
    if model is None:
        raise ModelNotFoundError(say("there is no bundled model {name!r}", name=spec.source))
    with meter() as used:
        module = make_module(model.load_class(), dict(spec.arguments), spec.source)
    return _Found(module, (InputSpec(model.usual_input),), used.memo, used.exceeded)


def _from_torchvision(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.catalogs import build_torchvision

    with meter() as used:
        module, usual = build_torchvision(spec.source, dict(spec.arguments))
    return _Found(module, usual, used.memo, used.exceeded)


def _from_timm(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.catalogs import build_timm

    with meter() as used:
        module, usual = build_timm(spec.source, dict(spec.arguments))
    return _Found(module, usual, used.memo, used.exceeded)


def _from_dotted(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.user_code import import_dotted, importable

    with importable([Path.cwd()], spec.source):
        # Imported without a meter: the module stays imported, and so do its instances.
        code = import_dotted(spec.source)
        name, target = find_target(code, spec.name, spec.source)
        file = getattr(code, "__file__", None)
        with quiet_randomness(spec.seed, numpy=True), meter() as used:
            arguments = named_arguments(target, spec.positional, dict(spec.arguments), name)
            module = make_module(target, arguments, name, Path(file).resolve() if file else None)
    shared = isinstance(target, nn.Module)
    return _Found(module, None, used.memo, used.exceeded, shared=shared)


def _from_file(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.user_code import find_file, import_file, importable, place_file

    source = place_file(find_file(spec.source))
    with importable(source.folders, str(source.path), source.package):
        with meter() as importing:
            code = import_file(source)
        name, target = find_target(code, spec.name, spec.source)
        # Weights do not depend on how many numbers the import drew.
        with quiet_randomness(spec.seed, numpy=True), meter() as used:
            module = make_module(target, dict(spec.arguments), name, source.path)
    return _Found(module, None, used.memo, importing.exceeded or used.exceeded)


def _from_saved(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.stored.saved_model import load_saved

    path = Path(spec.source).expanduser()
    with meter() as used:
        module, usual = load_saved(path, trust_pickle=spec.trust_pickle)
    return _Found(module, usual, used.memo, used.exceeded)


def _from_configuration(spec: ModelSpec, meter: _Meter) -> _Found:
    from cnnshape.loading.stored.hugging_face import build_configured

    with meter() as used:
        built = build_configured(spec.source)
    return _Found(built.module, built.usual_inputs, used.memo, used.exceeded, built.note)


def _from_run(spec: ModelSpec, meter: _Meter) -> _Found:
    del meter  # the weights are read from the folder
    from cnnshape.loading.run_folder import BEST, load_run, read_run

    run = read_run(spec.source)
    if run.names_code:
        raise RunFolderError(
            say(
                "{folder} names code as its network, and a run folder may come from anybody: name "
                "it yourself, {model!r} --weights {weights}",
                folder=run.folder,
                model=run.model,
                weights=run.folder / BEST,
            )
        )
    usual = (InputSpec((1, *run.input_shape)),)
    return _Found(load_run(run.folder), usual, new_memo(), exceeded=False)


_BUILDERS: dict[Kind, Callable[[ModelSpec, _Meter], _Found]] = {
    "bundled": _from_bundled,
    "torchvision": _from_torchvision,
    "timm": _from_timm,
    "dotted": _from_dotted,
    "file": _from_file,
    "run": _from_run,
    "saved": _from_saved,
    "hf": _from_configuration,
}


def _may_come_from_meta(error: BaseException | None) -> bool:
    """Whether a real construction might not raise this: the sorts that torch raises on meta."""
    return isinstance(error, (RuntimeError, TypeError, ValueError))


def _is_on_meta(module: nn.Module) -> bool:
    return any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


def more_names() -> Iterable[str]:
    """Catalog names to suggest for an unknown MODEL; slow to list, so asked for only then."""
    from cnnshape.loading import catalogs

    with contextlib.suppress(MissingDependencyError):
        yield from (f"torchvision:{name}" for name in catalogs.torchvision_names())
    yield from (f"timm:{name}" for name in catalogs.timm_names())
