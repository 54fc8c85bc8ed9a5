"""A whole set-up with corrections carried out, for as long as the ``with`` lasts."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from torch import nn

from cnnshape.analysis.diagnose.edits import (
    AddLayer,
    ChangeInput,
    DropInput,
    Edit,
    NameMethod,
    NameModule,
    NewInput,
    RebuildOwn,
    RenameKey,
    Rewrite,
    SetArguments,
    SetMode,
    SetParameter,
    SwapInputs,
)
from cnnshape.experiments.fixes.call_edits import CallEdit, intercept
from cnnshape.experiments.fixes.input_edits import changed_inputs
from cnnshape.experiments.fixes.layer_edits import (
    CannotApplyError,
    add_layer,
    rebuild,
    rebuild_own,
    set_parameter,
)
from cnnshape.experiments.fixes.source_edits import rewritten
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.preserve import preserved


@dataclass(frozen=True)
class Corrected:
    """What a corrected set-up is run with."""

    inputs: Inputs
    mode: str


@contextmanager
def applied(
    model: nn.Module,
    inputs: Inputs,
    mode: str,
    edits: Sequence[Edit],
    *,
    without_memory: bool = False,
) -> Generator[Corrected]:
    """Carry out ``edits`` on the model itself; everything is put back on leaving.

    The model is changed in place and not copied: a copy of a large model is dear, many models
    cannot be copied, and ``preserved`` is what every recording relies on anyway.

    Raises:
        CannotApplyError: one of them cannot be carried out.
    """
    with ExitStack() as stack:
        stack.enter_context(preserved(tuple(model.modules())))
        for edit in edits:
            if isinstance(edit, NewInput | ChangeInput | DropInput | RenameKey | SwapInputs):
                inputs = changed_inputs(model, inputs, edit)
            elif isinstance(edit, SetMode):
                mode = edit.mode
            elif not isinstance(edit, Rewrite):
                _change_module(model, edit, without_memory=without_memory)
        lines = [edit for edit in edits if isinstance(edit, Rewrite)]
        if lines:
            stack.enter_context(rewritten(model, lines))
        yield Corrected(inputs, mode)


def _change_module(
    model: nn.Module,
    edit: SetArguments | RebuildOwn | SetParameter | NameModule | NameMethod | AddLayer | CallEdit,
    *,
    without_memory: bool,
) -> None:
    if isinstance(edit, SetParameter):
        set_parameter(model, edit.name, edit.shape)
        return
    try:
        module = model.get_submodule(edit.path)
    except AttributeError as error:
        raise CannotApplyError(f"there is no module {edit.path}") from error
    if isinstance(edit, AddLayer):
        add_layer(model, module, edit, without_memory=without_memory)
    elif isinstance(edit, RebuildOwn):
        rebuild_own(module, dict(edit.arguments), without_memory=without_memory)
    elif isinstance(edit, SetArguments):
        rebuild(module, dict(edit.arguments), edit.kind, without_memory=without_memory)
    elif isinstance(edit, NameModule):
        vars(module)[edit.name] = module.get_submodule(edit.child)
    elif isinstance(edit, NameMethod):
        for each in model.modules():
            if type(each) is type(module):
                vars(each)[edit.name] = getattr(each, edit.method)
    else:
        intercept(module, edit, without_memory=without_memory)
