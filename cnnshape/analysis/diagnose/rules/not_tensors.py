"""Things that are no tensors: arrays, pictures, lists, and what another module returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import ChangeInput, Step
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import on_result
from cnnshape.analysis.diagnose.suggest import after_call
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import ModuleCall, Plain, Ref, Unknown
from cnnshape.words import listed, plural, with_article

_PICTURES = (
    "Image",
    "PngImageFile",
    "JpegImageFile",
    "WebPImageFile",
    "BmpImageFile",
    "GifImageFile",
)
#: Functions that take a list of tensors, and those whose second argument is one as well.
_OF_MANY = frozenset(
    "cat stack einsum block_diag hstack vstack dstack broadcast_tensors meshgrid "
    "cartesian_prod column_stack row_stack atleast_1d atleast_2d atleast_3d".split()
)
_OF_TWO = frozenset("add sub mul div matmul mm bmm".split())


# ---- something that is no tensor ----------------------------------------------------------


def not_a_tensor(failing: Failing) -> Diagnosis | None:
    """A layer or function given an array, a picture, a tuple, a dict or nothing."""
    given = _first_odd(failing)
    if given is None:
        return None
    thing, position = given
    name = who(failing.path, failing.module.type) if failing.module.builtin else failing.name
    before = _maker(failing, thing)
    if before is not None:
        return _passed_on(failing, name, thing, before)
    label = _input_label(failing, thing, position)
    what = _described(thing)
    sentence = say("{function} takes a tensor, but {thing} arrives", function=name, thing=what)
    found = tuple(_converted(thing, label)) if label is not None else ()
    kind = "input.list" if isinstance(thing, tuple) else "input.type"
    if isinstance(thing, Unknown) and thing.type == "ndarray":
        kind = "input.numpy"
    elif isinstance(thing, Unknown) and thing.type in _PICTURES:
        kind = "input.picture"
    return Diagnosis(kind, sentence, (), found)


def _first_odd(failing: Failing) -> tuple[Plain, int] | None:
    """What was given where a tensor belongs."""
    if failing.operation is not None:
        both = 2 if failing.name in _OF_TWO else 1
        for position, argument in enumerate(failing.operation.args[:both]):
            odd = isinstance(argument, Unknown) or argument is None
            if odd or (_holds_tensors(argument) and failing.name not in _OF_MANY):
                return argument, position
        return None
    if failing.call is None or not failing.module.builtin or not failing.call.args:
        return None
    if failing.module.kind in ("Sequential", "ModuleList", "ModuleDict"):
        return None
    argument = failing.call.args[0]
    plain = isinstance(argument, Unknown | dict) or argument is None
    return (argument, 0) if plain or _holds_tensors(argument) else None


def _holds_tensors(argument: Plain) -> bool:
    if isinstance(argument, tuple):
        return any(isinstance(item, Ref) or _holds_tensors(item) for item in argument)
    return isinstance(argument, dict) and any(isinstance(v, Ref) for v in argument.values())


def _maker(failing: Failing, thing: Plain) -> ModuleCall | None:
    """The module whose result is passed on as it is."""
    if failing.call is None:
        return None
    last = failing.call.index if failing.operation is None else len(failing.trace.calls)
    own = [call for call in failing.trace.calls[:last] if call.finished]
    if thing is None:
        empty = [call for call in own if call.result_type == "NoneType"]
        return empty[-1] if empty else None
    refs = set(_refs(thing))
    for call in reversed(own):
        if call.result_type not in ("Tensor", "Parameter", "NoneType", ""):
            made = {named.value for named in call.outputs}
            if made and (
                (refs and refs <= made)
                or (not refs and isinstance(thing, Unknown) and call.result_type == thing.type)
            ):
                return call
    return None


def _refs(thing: Plain) -> Iterator[int]:
    if isinstance(thing, Ref):
        yield thing.value
    elif isinstance(thing, tuple):
        for item in thing:
            yield from _refs(item)
    elif isinstance(thing, dict):
        for item in thing.values():
            yield from _refs(item)


#: The fields that hold what a network is for.
_USUAL = frozenset("out output logits last_hidden_state sample pred prediction".split())
_RETURNS = {
    "LSTM": "(output, (h, c))",
    "GRU": "(output, h)",
    "RNN": "(output, h)",
    "LSTMCell": "(h, c)",
    "MultiheadAttention": "(output, weights)",
}


def _passed_on(failing: Failing, name: str, thing: Plain, before: ModuleCall) -> Diagnosis:
    module = failing.trace.module(before.path)
    maker = who(before.path, module.type)
    if thing is None:
        sentence = say(
            "{function} takes a tensor, but None arrives: {module} returns nothing",
            function=name,
            module=maker,
        )
        advice = Suggestion(
            action="change_call",
            text=say("return the result at the end of {type}.forward", type=module.type),
            path=before.path,
        )
        return Diagnosis("output.none", sentence, (), (advice,))
    returned = _RETURNS.get(module.kind, with_article(before.result_type))
    sentence = say(
        "{function} takes a tensor, but {module} returns {returned}",
        function=name,
        module=maker,
        returned=returned,
    )
    return Diagnosis("output.tuple", sentence, (), tuple(_taken_out(failing, before, thing)))


def _taken_out(failing: Failing, before: ModuleCall, thing: Plain) -> Iterator[Suggestion]:
    """The part that is wanted, taken out of what the module returns."""
    module = failing.trace.module(before.path)
    attribute = before.path.rpartition(".")[2]
    call = f"self.{attribute}(…)" if not attribute.isdigit() else f"{before.path}(…)"
    names = [named.name for named in before.outputs]
    if isinstance(thing, dict) or (before.result_type not in ("tuple", "list") and names):
        keys = [name.split("[")[0].split(".")[0].strip("'\"") or "0" for name in names]
        usual = [key for key in keys if key in _USUAL]
        for key in list(dict.fromkeys(usual or keys))[:3]:
            by_key = f'{{y}}["{key}"]', f"{{y}}.{key}"
            first, second = by_key if _is_mapping(thing, before) else by_key[::-1]
            here = on_result(failing, before, first)
            if here is not None:
                yield replace(here, otherwise=on_result(failing, before, second))
            else:
                yield after_call(before.path, first.format(y=call), (Step("item", (key,)),))
        return
    if module.kind == "LSTM":
        yield after_call(before.path, f"out, (h, c) = {call}", (Step("item", (0,)),))
    elif module.kind in _RETURNS:
        yield after_call(before.path, f"out, _ = {call}", (Step("item", (0,)),))
    else:
        if before.result_type == "list":
            # Feature maps from the largest to the smallest: heads take the last.
            yield after_call(before.path, f"{call}[-1]", (Step("item", (-1,)),))
        here = on_result(failing, before, "{y}[0]")
        yield here or after_call(before.path, f"{call}[0]", (Step("item", (0,)),))


def _is_mapping(thing: Plain, before: ModuleCall) -> bool:
    return isinstance(thing, dict) or "dict" in before.result_type.lower()


def _input_label(failing: Failing, thing: Plain, position: int) -> str | None:
    """Which of the model's own inputs it is."""
    root = failing.trace.calls[0] if failing.trace.calls else None
    if root is None:
        return None
    if failing.call is not None and failing.call.index == 0 and failing.operation is None:
        return f"#{position}"
    for place, argument in enumerate(root.args):
        if argument == thing and thing is not None:
            return f"#{place}"
    for keyword, argument in root.kwargs.items():
        if argument == thing and thing is not None:
            return keyword
    return None


def _described(thing: Plain) -> str:
    if thing is None:
        return "None"
    if isinstance(thing, Unknown):
        if thing.type == "ndarray":
            return say("a numpy array")
        return say("a PIL picture") if thing.type in _PICTURES else with_article(thing.type)
    if isinstance(thing, dict):
        return say("a dict with {keys}", keys=listed(map(repr, thing)))
    if isinstance(thing, tuple):
        return say("a list or tuple of {items}", items=plural(len(thing), "item"))
    return repr(thing)


def _converted(thing: Plain, label: str) -> Iterator[Suggestion]:
    name = "x" if label.startswith("#") else label

    def candidate(text: str, *steps: Step) -> Suggestion:
        return Suggestion(
            action="set_input",
            text=text,
            path="",
            argument=name,
            from_=None,
            to="Tensor",
            edits=(ChangeInput(label, steps),),
        )

    if isinstance(thing, Unknown) and thing.type == "ndarray":
        yield candidate(
            f"torch.as_tensor({name}, dtype=torch.float32)", Step("as_tensor", ("float32",))
        )
        yield candidate(f"torch.as_tensor({name})", Step("as_tensor"))
    elif isinstance(thing, Unknown) and thing.type in _PICTURES:
        yield candidate(
            f"torchvision.transforms.functional.to_tensor({name}).unsqueeze(0)", Step("picture")
        )
    elif isinstance(thing, tuple) and len(thing) == 1:
        yield candidate(f"{name}[0]", Step("item", (0,)))
    elif isinstance(thing, tuple):
        yield candidate(f"torch.stack({name})", Step("stack"))
        yield candidate(f"{name}[0]", Step("item", (0,)))
    elif isinstance(thing, dict):
        # A batch as a data set gives it; which of its tensors is meant, the trial tells.
        for key in [key for key, item in thing.items() if isinstance(item, Ref)][:3]:
            yield candidate(f"{name}[{key!r}]", Step("item", (key,)))


def attribute(failing: Failing) -> Diagnosis | None:
    """A method of tensors looked for on what a module returned."""
    if failing.failure.type not in ("AttributeError", "TypeError") or failing.operation is not None:
        return None
    if failing.call is None:
        return None
    children = [c for c in failing.trace.children(failing.call.index) if c.finished]
    if not children:
        return _array_attribute(failing)
    last = children[-1]
    if last.result_type in ("Tensor", "Parameter", ""):
        return _array_attribute(failing)
    if last.result_type not in failing.failure.message:
        return None
    module = failing.trace.module(last.path)
    maker = who(last.path, module.type)
    if last.result_type == "NoneType":
        advice = Suggestion(
            action="change_call",
            text=say("return the result at the end of {type}.forward", type=module.type),
            path=last.path,
        )
        sentence = say("{module} returns None, which is then used as a tensor", module=maker)
        return Diagnosis("output.none", sentence, (), (advice,))
    returned = _RETURNS.get(module.kind, with_article(last.result_type))
    sentence = say(
        "{module} returns {returned}, which is then used as a tensor",
        module=maker,
        returned=returned,
    )
    thing: Plain = tuple(Ref(named.value) for named in last.outputs)
    return Diagnosis("output.tuple", sentence, (), tuple(_taken_out(failing, last, thing)))


def _array_attribute(failing: Failing) -> Diagnosis | None:
    """``x.view`` or ``x.dim`` on a numpy array or a list among the model's inputs."""
    call = failing.call
    if call is None or call.index != 0:
        return None
    for position, argument in enumerate(call.args):
        odd = isinstance(argument, Unknown) and argument.type in failing.failure.message
        lists = isinstance(argument, tuple) and _holds_tensors(argument)
        named = any(word in failing.failure.message for word in ("'list'", "'tuple'"))
        if odd or (lists and named):
            sentence = say(
                "{type}.forward uses its argument {number} as a tensor, but {thing} arrives",
                type=failing.module.type,
                number=position + 1,
                thing=_described(argument),
            )
            kind = "input.list" if lists else "input.type"
            if isinstance(argument, Unknown) and argument.type == "ndarray":
                kind = "input.numpy"
            return Diagnosis(kind, sentence, (), tuple(_converted(argument, f"#{position}")))
    return None
