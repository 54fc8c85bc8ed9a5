"""Types of numbers, and devices, that do not go together."""

from __future__ import annotations

from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Fix, Found, Row, worded
from cnnshape.messages import say

#: Names of types in messages, as code writes them.
_NAMES = {
    "float": "float32",
    "Float": "float32",
    "torch.FloatTensor": "float32",
    "double": "float64",
    "Double": "float64",
    "torch.DoubleTensor": "float64",
    "Half": "float16",
    "c10::Half": "float16",
    "torch.HalfTensor": "float16",
    "BFloat16": "bfloat16",
    "c10::BFloat16": "bfloat16",
    "Long": "int64",
    "long int": "int64",
    "long": "int64",
    "torch.LongTensor": "int64",
    "Int": "int32",
    "int": "int32",
    "torch.IntTensor": "int32",
    "Byte": "uint8",
    "unsigned char": "uint8",
    "torch.ByteTensor": "uint8",
    "Bool": "bool",
    "bool": "bool",
}
_CAST = {
    "float32": "float()",
    "float64": "double()",
    "float16": "half()",
    "bfloat16": "bfloat16()",
    "int64": "long()",
}


def _dtypes(found: Found) -> Found:
    """Types as code writes them, and the call that makes the wanted one."""
    wanted, arrived = (
        _NAMES.get(name, name.removeprefix("torch."))
        for name in (str(found.get("n")), str(found.get("k")))
    )
    return {"n": wanted, "k": arrived, "cast": _CAST.get(wanted, f"to(torch.{wanted})")}


def _differ(found: Found, _place: Place) -> bool:
    """Two types, and not two devices."""
    return _NAMES.get(found["n"], "") != _NAMES.get(found["k"], "") and "cuda" not in (
        found["n"] + found["k"]
    )


_TYPE = r"[\w:]+(?: (?:char|int|long))*|torch\.\w+"
_TO_WEIGHTS = Fix("x.{cast}", action="insert_before")


def _met(found: Found) -> Found:
    """Both types, without saying which is whose: torch takes the first operand's for expected."""
    both = _dtypes(found)
    if not found["n"]:
        return {"met": say("two dtypes meet")}
    return {"met": say("{dtype} and {other_dtype} meet", dtype=both["n"], other_dtype=both["k"])}


def _is_target(_found: Found, place: Place) -> bool:
    return place.operation in ("cross_entropy", "nll_loss")


DTYPES = (
    Row(
        "dtype.index",
        r"Expected tensor for argument #1 'indices' to have one of the following scalar types: "
        r"Long, "
        r"Int; but got (?P<k>torch\.(?:cuda\.)?\w+) instead",
        "{who} looks up rows by whole numbers (int64), but {k} arrives",
        (Fix("x.long()", action="insert_before"),),
        layer="Embedding",
        more=_dtypes,
    ),
    Row(
        "dtype.index",
        r"one_hot is only applicable to index tensor",
        "one_hot takes class numbers (int64)",
        (Fix("target.long()", action="change_call"),),
    ),
    Row(
        "dtype.index",
        r"tensors used as indices must be long, int, byte or bool tensors",
        "indices are whole numbers (int64) or a mask (bool)",
        (Fix(worded("the index with .long()"), action="change_call"),),
    ),
    Row(
        "dtype.mask",
        r"(?P<op>masked_\w+?)_? only supports boolean masks, but got mask with dtype (?P<k>\w+)",
        "{op} takes a mask of bool, but {k} arrives",
        (Fix("mask.bool()", action="change_call"),),
        more=_dtypes,
    ),
    Row(
        "dtype.mask",
        r"masked_select: expected BoolTensor for mask",
        "masked_select takes a mask of bool",
        (Fix("mask.bool()", action="change_call"),),
    ),
    Row(
        "dtype.mask",
        r"where expected condition to be a boolean tensor, but got a tensor with dtype (?P<k>\w+)",
        "where takes a condition of bool, but {k} arrives",
        (Fix("condition.bool()", action="change_call"),),
        more=_dtypes,
    ),
    Row(
        "dtype.integer",
        r"(?P<op>\w+)\(\): could not infer output dtype\. Input dtype must be either a floating "
        r"point "
        r"or complex dtype\. Got: (?P<k>\w+)",
        "{op} needs floating-point numbers, but {k} arrives",
        (Fix("x.float()", action="insert_before"),),
        more=_dtypes,
    ),
    Row(
        "dtype.integer",
        r"(?P<op>[\w.]+): Expected a floating point or complex tensor as input\. Got (?P<k>\w+)",
        "{op} needs floating-point numbers, but {k} arrives",
        (Fix("x.float()", action="insert_before"),),
        more=_dtypes,
    ),
    Row(
        "dtype.target",
        r"result type (?P<n>\w+) can't be cast to the desired output type "
        r"(?P<k>Long|Int|Bool|Byte)",
        "the targets must be {n}, but {k} arrives",
        (Fix("target.{cast}", action="set_input"),),
        when=lambda _found, place: place.operation.startswith("binary_cross_entropy"),
        more=_dtypes,
    ),
    Row(
        "dtype.integer",
        r"result type \w+ can't be cast to the desired output type (?P<k>Long|Int|Bool|Byte)",
        "this needs floating-point numbers, but {k} arrives",
        (Fix("x.float()", action="insert_before"),),
        more=_dtypes,
    ),
    Row(
        "dtype.index",
        r"(?P<op>\w+)\(\): Expected dtype int32/int64 for index",
        "{op} takes indices that are whole numbers (int64)",
        (Fix("index.long()", action="change_call"),),
    ),
    Row(
        "dtype.mask",
        r"only bool and floating types of (?P<mask>\w+) are supported",
        "{mask} must be of bool or floating-point numbers",
        (Fix("{mask}.bool()", action="change_call"),),
    ),
    Row(
        "dtype.integer",
        r"\"\w+\" not implemented for '(?P<k>Long|Int|Byte|Bool|Short|Char)'",
        "this needs floating-point numbers, but {k} arrives",
        (Fix("x.float()", action="insert_before"),),
        more=_dtypes,
    ),
    Row(
        "dtype.target",
        r"expected target dtype to be Long or Byte, but got (?P<k>\w+)",
        "class numbers must be int64, but {k} arrives",
        (Fix("target.long()", action="set_input"),),
        more=_dtypes,
    ),
    Row(
        "dtype.target",
        r"Expected object of scalar type Long but got scalar type (?P<k>\w+) for argument #\d+ "
        r"'target'",
        "class numbers must be int64, but {k} arrives",
        (Fix("target.long()", action="set_input"),),
        more=_dtypes,
    ),
    Row(
        "dtype.target",
        r"expected scalar type (?P<n>Long) but found (?P<k>\w+)",
        "class numbers must be int64, but {k} arrives",
        (Fix("target.long()", action="set_input"),),
        when=_is_target,
        more=_dtypes,
    ),
    Row(
        "dtype.target",
        r"Found dtype (?P<k>Long|Int|Byte|Bool) but expected (?P<n>\w+)",
        "the targets must be {n}, but {k} arrives",
        (Fix("target.{cast}", action="set_input"),),
        more=_dtypes,
    ),
    Row(
        "dtype.mismatch",
        r"(?:mat1 and mat2 must have the same dtype|expected m1 and m2 to have the same dtype), "
        r"but got:? "
        r"(?P<k>\S+)(?: and| !=) (?P<n>\S+?)\.?(?: |$)",
        "{who} has weights of {n}, but {k} arrives",
        (_TO_WEIGHTS,),
        layer="Linear",
        when=lambda found, place: place.operation == "linear" and _differ(found, place),
        more=_dtypes,
    ),
    Row(
        "dtype.mismatch",
        r"(?:mat1 and mat2 must have the same dtype|expected m1 and m2 to have the same dtype), "
        r"but got:? "
        r"(?P<k>\S+)(?: and| !=) (?P<n>\S+?)\.?(?: |$)",
        "two tensors that are multiplied differ in dtype: {k} and {n}",
        when=_differ,
        more=_dtypes,
    ),
    Row(
        "dtype.mismatch",
        rf"Input type \((?P<k>{_TYPE})\) and (?:bias|weight) type \((?P<n>{_TYPE})\) should be "
        rf"the same",
        "{who} has weights of {n}, but {k} arrives",
        (_TO_WEIGHTS,),
        when=_differ,
        more=_dtypes,
    ),
    Row(
        "dtype.mismatch",
        r"(?:expected scalar type (?P<n>\w+) but found (?P<k>\w+)|mixed dtype \(CPU\))",
        "{met}: input and weights must be of one dtype",
        (Fix("x.to(next(model.parameters()).dtype)", action="set_input"),),
        when=lambda found, place: not found["n"] or _differ(found, place),
        more=_met,
    ),
    Row(
        "device.mismatch",
        r"Expected all tensors to be on the same device, but (?:found at least two devices, "
        r"(?P<a>[\w:]+) and (?P<b>[\w:]+)|got \w+ is on (?P<a_>[\w:]+), different from other "
        r"tensors "
        r"on (?P<b_>[\w:]+))",
        "tensors on {a} and on {b} meet: model and data must be on one device",
        (Fix("x.to(next(model.parameters()).device)", action="set_input"),),
        more=lambda found: {"a": found["a"] or found["a_"], "b": found["b"] or found["b_"]},
    ),
    Row(
        "dtype.mismatch",
        r"RNN input dtype \((?P<k>torch\.\w+)\) does not match weight dtype \((?P<n>torch\.\w+)\)",
        "{who} has weights of {n}, but {k} arrives",
        (_TO_WEIGHTS,),
        layer=say("recurrent layer"),
        more=_dtypes,
    ),
    Row(
        "device.mismatch",
        r"Tensor on device (?P<a>[\w:]+) is not on the expected device (?P<b>[\w:]+?)!",
        "tensors on {a} and on {b} meet: model and data must be on one device",
        (Fix("x.to(next(model.parameters()).device)", action="set_input"),),
    ),
    Row(
        "device.mismatch",
        r"Input type \((?P<k>torch\.[\w.]+)\) and weight type \((?P<n>torch\.[\w.]+)\) should be "
        r"the",
        "{who} has weights of {n}, but {k} arrives: model and data must be on one device",
        (Fix("x.to(next(model.parameters()).device)", action="set_input"),),
    ),
)
