"""Calls that do not find what they name: arguments of ``forward``, layers, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import (
    DropArguments,
    DropInput,
    NameModule,
    NewInput,
    RenameKey,
)
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_code import line_of
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import ModuleCall, Signature
from cnnshape.words import listed, plural, times

#: The most names that a sentence lists.
_LISTED = 6

# ---- arguments of forward -----------------------------------------------------------------


def arguments(failing: Failing) -> Diagnosis | None:
    """Too many, too few or unknown arguments of ``forward``."""
    signature, call = failing.failure.signature, failing.call
    if failing.failure.type != "TypeError" or signature is None or call is None:
        return None
    if call.operations[0] != call.operations[1]:
        return None
    if signature.instead_of_self:
        return _without_self(failing, signature)
    names = (*signature.required, *signature.optional)
    given = len(call.args)
    name = who(call.path, failing.module.type)
    takes = f"{failing.module.type}.forward({', '.join(names)})"
    missing = [n for i, n in enumerate(signature.required) if i >= given and n not in call.kwargs]
    unknown = [k for k in call.kwargs if k not in names and not signature.any_keyword]
    extra = 0 if signature.any_positional else max(given - len(names), 0)
    if unknown:
        near = get_close_matches(unknown[0], names, n=1)
        sentence = say("{function} has no argument {name!r}", function=takes, name=unknown[0])
        if near:
            sentence += say("; did you mean {names}?", names=near[0])
    elif missing:
        sentence = say(
            "{function} needs {missing}, but {module} is called with {arguments}",
            function=takes,
            missing=listed(missing),
            module=name,
            arguments=plural(given + len(call.kwargs), "argument"),
        )
    elif extra:
        sentence = say(
            "{function} takes {arguments}, but {module} is called with {given}",
            function=takes,
            arguments=plural(len(names), "argument"),
            module=name,
            given=given,
        )
    else:
        return None
    found = [_without(call, keyword, unknown) for keyword in unknown]
    if extra:
        found.append(_first_only(call, len(names)))
    if missing and not unknown and not extra:
        found += _passed_as_well(failing, call, missing)
    return Diagnosis("forward.arguments", sentence, (), tuple(found))


def _without_self(failing: Failing, signature: Signature) -> Diagnosis:
    """``def forward(x)``: Python passes the module itself as ``x``."""
    names = (signature.instead_of_self, *signature.required, *signature.optional)
    written, better = (f"def forward({', '.join(n)}):" for n in (names, ("self", *names)))
    sentence = say(
        "{function} has no self: the module itself arrives as {name}",
        function=f"{failing.module.type}.forward({', '.join(names)})",
        name=names[0],
    )
    change = Suggestion(
        action="change_call",
        text=better,
        path=failing.path,
        argument="self",
        from_=written,
        to=better,
    )
    return Diagnosis("forward.arguments", sentence, (), (change,))


def _without(call: ModuleCall, keyword: str, unknown: list[str]) -> Suggestion:
    root = call.index == 0
    kept = tuple(k for k in call.kwargs if k not in unknown)
    return Suggestion(
        action="set_input" if root else "change_call",
        text=say("the call without {keyword}=…", keyword=keyword),
        path=call.path,
        argument=keyword,
        edits=(DropInput(keyword) if root else DropArguments(call.path, len(call.args), kept),),
    )


def _first_only(call: ModuleCall, accepted: int) -> Suggestion:
    root = call.index == 0
    dropped = tuple(DropInput(place) for place in range(len(call.args) - 1, accepted - 1, -1))
    return Suggestion(
        action="set_input" if root else "change_call",
        text=say(
            "the call with its first {arguments} only", arguments=plural(accepted, "argument")
        ),
        path=call.path,
        edits=dropped if root else (DropArguments(call.path, accepted, tuple(call.kwargs)),),
    )


def _passed_as_well(failing: Failing, call: ModuleCall, missing: list[str]) -> Iterator[Suggestion]:
    """What is missing, of the first input's shape where the caller can add it; or in words."""
    root = call.index == 0
    first = failing.trace.values[failing.trace.inputs[0].value] if failing.trace.inputs else None
    shape = None if first is None else sizes(first)
    if root and first is not None and shape:
        alike = {"shape": times(shape), "like": first.name}
        names = listed(say("{name} (here of {shape}, as {like})", name=n, **alike) for n in missing)
        yield Suggestion(
            action="set_input",
            text=say("pass {names} as well", names=names),
            path="",
            argument=missing[0],
            to=list(shape),
            edits=tuple(NewInput(name, shape, first.dtype) for name in missing),
        )
    yield Suggestion(
        action="set_input" if root else "change_call",
        text=say("pass {names} as well", names=listed(missing)),
        path=call.path,
        argument=missing[0],
    )


# ---- layers that are not there -------------------------------------------------------------


def attribute(failing: Failing) -> Diagnosis | None:
    """``self.conv1`` where ``__init__`` made ``self.conv``."""
    if failing.failure.type != "AttributeError" or failing.operation is not None:
        return None
    used = re.findall(r"\bself\.(\w+)", line_of(failing.failure.source))
    module = failing.module
    children = [path.rpartition(".")[2] for path in module.children]
    held = [*children, *(n.rpartition(".")[2] for n in (*module.parameters, *module.buffers))]
    known = {*held, *module.config}
    absent = [n for n in used if n not in known and f"'{n}'" in failing.failure.message]
    if not absent or module.builtin:
        return None
    name, missing = absent[0], failing.failure.absent
    if missing is not None and missing.defined is not None:
        return _never_built(failing, name, missing.near[0])
    if missing is not None and missing.near and not known.intersection(missing.near):
        return None  # a method, whose rule comes later
    sentence = say(
        "{module} has no attribute {name!r}", module=who(failing.path, module.type), name=name
    )
    if len(held) > _LISTED:
        sentence += say("; it has {names} and more", names=listed(held[:_LISTED]))
    elif held:
        sentence += say("; it has {names}", names=listed(held))
    found = tuple(
        Suggestion(
            action="change_call",
            text=f"self.{near}",
            path=failing.path,
            argument=name,
            from_=f"self.{name}",
            to=f"self.{near}",
            edits=(NameModule(failing.path, name, near),),
        )
        for near in get_close_matches(name, children, n=2, cutoff=0.5)
    )
    return Diagnosis("module.missing_attribute", sentence, (), found)


def _never_built(failing: Failing, name: str, method: str) -> Diagnosis:
    """The layers are made in a method that nobody calls."""
    owner = failing.module.type
    sentence = say(
        "{module} has no attribute {name!r}, since {owner}.{method} is not run when it is built; "
        "did you mean __init__ instead of {method}?",
        module=who(failing.path, owner),
        name=name,
        owner=owner,
        method=method,
    )
    change = Suggestion(
        action="change_call",
        text="def __init__",
        path=failing.path,
        argument=method,
        from_=f"def {method}",
        to="def __init__",
    )
    return Diagnosis("module.missing_attribute", sentence, (), (change,))


# ---- keys ---------------------------------------------------------------------------------


def missing_key(failing: Failing) -> Diagnosis | None:
    """A key that the dict among the inputs does not have."""
    call = failing.call
    if failing.failure.type != "KeyError" or failing.operation is not None or call is None:
        return None
    key = failing.failure.message.strip("'\"")
    dicts = [(f"#{i}", a) for i, a in enumerate(call.args) if isinstance(a, dict)]
    dicts += [(k, a) for k, a in call.kwargs.items() if isinstance(a, dict)]
    for label, found in dicts:
        if key in found:
            continue
        keys = list(found)
        sentence = say(
            "{function} looks up {key!r}, but the input has {keys}"
            if keys
            else "{function} looks up {key!r}, but the input has no keys",
            function=f"{failing.module.type}.forward",
            key=key,
            keys=listed(map(repr, keys)),
        )
        ordered = list(dict.fromkeys((*get_close_matches(key, keys, n=3, cutoff=0.3), *keys)))
        renamed = tuple(_renamed(call, label, old, key) for old in ordered[:3])
        return Diagnosis("input.missing_key", sentence, (), renamed)
    return _module_key(failing, key)


def _renamed(call: ModuleCall, label: str, old: str, new: str) -> Suggestion:
    return Suggestion(
        action="set_input",
        text=say("pass {old!r} under the name {new!r}", old=old, new=new),
        path=call.path,
        argument=new,
        from_=old,
        to=new,
        edits=(RenameKey(label, old, new),) if call.index == 0 else (),
    )


def _module_key(failing: Failing, key: str) -> Diagnosis | None:
    """A ModuleDict of the failing module without that entry."""
    for path in failing.module.children:
        module = failing.trace.module(path)
        keys = [child.rpartition(".")[2] for child in module.children]
        if module.kind != "ModuleDict" or key in keys:
            continue
        sentence = say(
            "{module} has no module {key!r}, only {keys}",
            module=path,
            key=key,
            keys=listed(map(repr, keys)),
        )
        near = tuple(
            Suggestion(
                action="change_call",
                text=f"self.{path}[{name!r}]",
                path=failing.path,
                from_=key,
                to=name,
            )
            for name in get_close_matches(key, keys, n=1, cutoff=0.0)
        )
        return Diagnosis("module.missing_key", sentence, (), near)
    return None
