"""Masks: of whole numbers or fractions, or of other sizes than what they lie on."""

from __future__ import annotations

from cnnshape.analysis.diagnose.argument_text import Arguments
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand
from cnnshape.analysis.diagnose.rules.fitting import clash
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import change_input
from cnnshape.messages import say
from cnnshape.words import listed, times

#: Which of the tensors is the mask.
_PLACES = {"masked_fill": 1, "masked_select": 1, "masked_scatter": 1, "where": 0}


def boolean(failing: Failing) -> Diagnosis | None:
    """A mask says yes or no of every number."""
    mask = _mask(failing)
    if mask is None or mask.value.dtype in ("bool", "uint8"):
        return None
    call = CallText(failing)
    name = mask.input_name or call.operand(mask.place)
    sentence = say(
        "{function} takes a mask of bool, but {mask} {shape} is {dtype}",
        function=failing.name,
        mask=name,
        shape=times(mask.shape),
        dtype=mask.value.dtype,
    )
    if not mask.input_name:
        change = call.on(mask.place, "{x}.bool()")
    else:
        dtypes = (mask.value.dtype, "bool")
        change = change_input(mask.input_name, "{x}.bool()", (Step("to", ("bool",)),), dtypes)
    return Diagnosis("dtype.mask", sentence, (), (change,))


def _mask(failing: Failing) -> Operand | None:
    """The tensor that says where: the first of ``where``, else the second."""
    place = _PLACES.get(failing.name)
    found = (each for each in failing.operands if each.place == place)
    return next(found, None)


def fitting(failing: Failing) -> Diagnosis | None:
    """``masked_select`` and ``masked_scatter`` lay the mask over the tensor."""
    x, mask = failing.operand(), failing.operand("mask")
    found = None if x is None or mask is None else clash([x.shape, mask.shape])
    if x is None or mask is None or found is None:
        return None
    call, from_end = Arguments(failing), found[2]
    sizes = listed((str(mask.shape[from_end]), str(x.shape[from_end])))
    sentence = say(
        "the mask {mask} {shape} does not fit {tensor}: compared from the last "
        "dimension on, {sizes} differ",
        mask=call.name("mask"),
        shape=times(mask.shape),
        tensor=call.sized("input"),
        sizes=sizes,
    )
    return Diagnosis("index.mask", sentence)
