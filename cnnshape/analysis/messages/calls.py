"""What is no tensor, and what a model's own code calls or asks for wrongly."""

from __future__ import annotations

from collections.abc import Callable

from cnnshape.analysis.messages.place import Place
from cnnshape.analysis.messages.table import Fix, Found, Row
from cnnshape.messages import say
from cnnshape.words import with_article


def _in_model(_found: Found, place: Place) -> bool:
    return place.in_model


def _forward(found: Found) -> str:
    return f"{found['kind']}.forward" if found["kind"] else "forward"


def _takes_sizes(place: Place) -> bool:
    code = "" if place.source is None else place.source.code or ""
    return ".shape" in code or ".size(" in code


_GOT = (
    r"(?:argument '\w+' \(position \d+\) must be Tensor, not (?P<a>[\w.]+)|invalid combination of "
)
_NO_TENSOR = _GOT + r"arguments - got \((?P<b>[\w.]+)(?:,| |\)))"


def _type_named(*names: str) -> Callable[[Found, Place], bool]:
    def named(found: Found, place: Place) -> bool:
        return (found["a"] or found["b"]) in names and (bool(found["a"]) or place.in_layer)

    return named


def _got(found: Found) -> Found:
    return {"got": with_article(found["a"] or found["b"])}


CALLS = (
    Row(
        "output.none",
        _NO_TENSOR,
        "{who} takes a tensor, but None arrives: some forward returns nothing",
        when=_type_named("NoneType"),
        more=_got,
    ),
    Row(
        "output.tuple",
        _NO_TENSOR,
        "{who} takes a tensor, but {got} arrives: some layers return several things (an LSTM "
        "its output and its state)",
        when=_type_named("tuple"),
        more=_got,
    ),
    Row(
        "input.list",
        _NO_TENSOR,
        "{who} takes a tensor, but a list arrives",
        when=_type_named("list"),
        more=_got,
    ),
    Row(
        "input.numpy",
        _NO_TENSOR,
        "{who} takes a tensor, but a numpy array arrives",
        (Fix("torch.as_tensor(x, dtype=torch.float32)", action="set_input"),),
        when=_type_named("numpy.ndarray"),
        more=_got,
    ),
    Row(
        "input.picture",
        _NO_TENSOR,
        "{who} takes a tensor, but a picture arrives",
        (Fix("transforms.ToTensor()(x).unsqueeze(0)", action="set_input"),),
        when=_type_named("Image", "JpegImageFile", "PngImageFile"),
        more=_got,
    ),
    Row(
        "input.type",
        _NO_TENSOR,
        "{who} takes a tensor, but {got} arrives",
        when=lambda found, place: (
            (found["a"] or found["b"]) not in ("Tensor", "Parameter")
            and (bool(found["a"]) or place.in_layer)
        ),
        more=_got,
    ),
    Row(
        "output.tuple",
        r"'tuple' object has no attribute '(?P<name>\w+)'",
        "a tuple is used as a tensor (.{name}): some layers return several things (an LSTM its "
        "output and its state)",
        when=_in_model,
    ),
    Row(
        "output.tuple",
        r"'(?P<kind>dict|[\w.]*Dict|\w*Output\w*)' object has no attribute '(?P<name>\w+)'",
        "a {kind} is used as a tensor (.{name}): some forward returns several things by name",
        when=_in_model,
    ),
    Row(
        "output.none",
        r"'NoneType' object has no attribute '(?P<name>\w+)'",
        "None is used as a tensor (.{name}): some forward returns nothing",
        when=_in_model,
    ),
    Row(
        "input.list",
        r"'list' object has no attribute '(?P<name>\w+)'",
        "a list is used as a tensor (.{name})",
        when=_in_model,
    ),
    Row(
        "attribute.misspelt",
        r"(?:'(?P<kind>Tensor|Parameter)' object|module '(?P<module>torch[\w.]*)') has no "
        r"attribute "
        r"'(?P<name>\w+)'(?:\. Did you mean:? '(?P<meant>\w+)'\?)?",
        "{where} has no '{name}'",
        (Fix("{meant}", action="change_call"),),
        more=lambda found: {"where": found["module"] or say("a tensor")},
    ),
    Row(
        "name.undefined",
        r"name '(?P<name>\w+)' is not defined(?:\. Did you mean:? '(?P<meant>\w+)'\?)?",
        "nothing is called {name} here",
        (Fix("{meant}", action="change_call"),),
        when=_in_model,
    ),
    Row(
        "name.undefined",
        r"cannot access local variable '(?P<name>\w+)' where it is not associated with a value",
        "{name} is used before it gets a value",
        when=_in_model,
    ),
    Row(
        "call.misused",
        r"'(?P<kind>[\w.]+)' object is not (?P<what>callable|subscriptable)",
        "the {kind} is called with (…), and is no function",
        when=lambda found, place: place.in_model and found["what"] == "callable",
    ),
    Row(
        "call.misused",
        r"'(?P<kind>[\w.]+)' object is not subscriptable",
        "the {kind} is indexed with […], and holds nothing",
        when=_in_model,
    ),
    Row(
        "raised.init",
        r"(?P<what>(?:in_channels|out_channels|num_channels|embed_dim) must be divisible by \w+"
        r"|padding='same' is not supported for strided convolutions)",
        "a layer cannot be built: {what}",
    ),
    Row(
        "module.missing_attribute",
        r"'(?P<kind>\w+)' object has no attribute '(?P<name>\w+)'",
        "the {kind} has no attribute '{name}': __init__ does not make it, or calls it otherwise",
        when=lambda found, place: place.in_model and found["kind"] not in ("Tensor", "Parameter"),
    ),
    Row(
        "module.no_forward",
        r"Module \[(?P<kind>\w+)\] is missing the required \"forward\" function",
        "a {kind} has no forward",
    ),
    Row(
        "module.no_forward",
        r"_forward_unimplemented\(\) got an unexpected keyword argument",
        "the module has no forward",
    ),
    Row(
        "forward.arguments",
        r"(?:(?P<kind>\w+)\.)?forward\(\) missing (?P<n>\d+) required positional arguments?: "
        r"(?P<names>.+)",
        "{where} is called without {names}",
        more=lambda found: {"where": _forward(found)},
    ),
    Row(
        "forward.arguments",
        r"(?:(?P<kind>\w+)\.)?forward\(\) takes (?:from \d+ to )?(?P<n>\d+) positional arguments? "
        r"but "
        r"(?P<k>\d+) were given",
        "{where} takes {takes:argument}, but is called with {given} (self not counted)",
        more=lambda found: {
            "where": _forward(found),
            "takes": type(found["n"])(found["n"] - 1),
            "given": found["k"] - 1,
        },
    ),
    Row(
        "forward.arguments",
        r"(?:(?P<kind>\w+)\.)?forward\(\) got an unexpected keyword argument '(?P<name>\w+)'",
        "{where} has no argument '{name}'",
        more=lambda found: {"where": _forward(found)},
    ),
    Row(
        "input.rank",
        r"not enough values to unpack \(expected (?P<n>\d+), got (?P<k>\d+)\)",
        "forward takes {n:value} apart, but there are {k}: a tensor with other dimensions than it "
        "was "
        "written for",
        when=lambda _found, place: place.in_model and _takes_sizes(place),
    ),
    Row(
        "input.rank",
        r"too many values to unpack \(expected (?P<n>\d+)",
        "forward takes {n:value} apart, but there are more: a tensor with other dimensions than "
        "it was "
        "written for",
        when=lambda _found, place: place.in_model and _takes_sizes(place),
    ),
    Row(
        "unpack.count",
        r"not enough values to unpack \(expected (?P<n>\d+), got (?P<k>\d+)\)",
        "there are {n:name} for {k:result}",
        when=_in_model,
    ),
    Row(
        "unpack.count",
        r"too many values to unpack \(expected (?P<n>\d+)",
        "there are more results than the {n:name} for them",
        when=_in_model,
    ),
    Row(
        "input.rank",
        r"tuple index out of range",
        "forward asks for a size that the tensor has not: it has fewer dimensions than expected",
        when=lambda _found, place: place.in_model and _takes_sizes(place),
    ),
    Row(
        "raised.recursion",
        r"maximum recursion depth exceeded",
        "a module calls itself without end",
        when=_in_model,
    ),
)
