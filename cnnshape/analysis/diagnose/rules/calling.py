"""Calls of ``forward`` with the wrong arguments, and keys that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from cnnshape.analysis.diagnose.edits import (
    DropArguments,
    DropInput,
    NewInput,
    RenameKey,
)
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import ModuleCall
from cnnshape.words import did_you_mean, listed, plural, times

# ---- arguments of forward -----------------------------------------------------------------


def arguments(failing: Failing) -> Diagnosis | None:
    """Too many, too few or unknown arguments of ``forward``."""
    signature, call = failing.failure.signature, failing.call
    if failing.failure.type != "TypeError" or signature is None or call is None:
        return None
    if call.operations[0] != call.operations[1]:
        return None
    names = (*signature.required, *signature.optional)
    given = len(call.args)
    name = who(call.path, failing.module.type)
    takes = f"{failing.module.type}.forward({', '.join(names)})"
    missing = [n for i, n in enumerate(signature.required) if i >= given and n not in call.kwargs]
    unknown = [k for k in call.kwargs if k not in names and not signature.any_keyword]
    extra = 0 if signature.any_positional else max(given - len(names), 0)
    if unknown:
        hint = did_you_mean(unknown[0], names, limit=1)
        sentence = f"{takes} has no argument {unknown[0]!r}{hint}"
    elif missing:
        sentence = (
            f"{takes} needs {listed(missing)}, but {name} is called with "
            f"{plural(given + len(call.kwargs), 'argument')}"
        )
    elif extra:
        sentence = (
            f"{takes} takes {plural(len(names), 'argument')}, but {name} is called with {given}"
        )
    else:
        return None
    found = _argument_candidates(failing, call, missing, unknown, extra, len(names))
    return Diagnosis("forward.arguments", sentence, (), tuple(found))


def _argument_candidates(
    failing: Failing,
    call: ModuleCall,
    missing: list[str],
    unknown: list[str],
    extra: int,
    accepted: int,
) -> Iterator[Candidate]:
    root = call.index == 0
    for keyword in unknown:
        suggestion = Suggestion(
            action="set_input" if root else "change_call",
            text=f"the call without {keyword}=…",
            path=call.path,
            argument=keyword,
        )
        if root:
            yield Candidate(suggestion, (DropInput(keyword),))
        else:
            kept = tuple(k for k in call.kwargs if k not in unknown)
            yield Candidate(suggestion, (DropArguments(call.path, len(call.args), kept),))
    if extra:
        suggestion = Suggestion(
            action="set_input" if root else "change_call",
            text=f"the call with its first {plural(accepted, 'argument')} only",
            path=call.path,
        )
        if root:
            dropped = tuple(DropInput(i) for i in range(accepted + extra - 1, accepted - 1, -1))
            yield Candidate(suggestion, dropped)
        else:
            yield Candidate(suggestion, (DropArguments(call.path, accepted, tuple(call.kwargs)),))
    if missing and root and not unknown and not extra:
        first = (
            failing.trace.values[failing.trace.inputs[0].value] if failing.trace.inputs else None
        )
        shape = None if first is None else sizes(first)
        if first is not None and shape:
            edits = tuple(NewInput(name, shape, first.dtype) for name in missing)
            text = listed(f"{name} (here of {times(shape)}, as {first.name})" for name in missing)
            suggestion = Suggestion(
                action="set_input",
                text=f"pass {text} as well",
                path="",
                argument=missing[0],
                from_=None,
                to=list(shape),
            )
            yield Candidate(suggestion, edits)
    if missing and not unknown and not extra:
        advice = Suggestion(
            action="set_input" if root else "change_call",
            text=f"pass {listed(missing)} as well",
            path=call.path,
            argument=missing[0],
        )
        yield Candidate(advice)


# ---- keys, attributes, taking apart -------------------------------------------------------


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
        sentence = (
            f"{failing.module.type}.forward looks up {key!r}, but the input has "
            f"{listed(map(repr, keys)) or 'no keys'}"
        )
        ordered = list(dict.fromkeys((*get_close_matches(key, keys, n=3, cutoff=0.3), *keys)))
        candidates = tuple(_renamed(call, label, old, key) for old in ordered[:3])
        return Diagnosis("input.missing_key", sentence, (), candidates)
    return _module_key(failing, key)


def _renamed(call: ModuleCall, label: str, old: str, new: str) -> Candidate:
    suggestion = Suggestion(
        action="set_input",
        text=f"pass {old!r} under the name {new!r}",
        path=call.path,
        argument=new,
        from_=old,
        to=new,
    )
    return Candidate(suggestion, (RenameKey(label, old, new),) if call.index == 0 else ())


def _module_key(failing: Failing, key: str) -> Diagnosis | None:
    """A ModuleDict of the failing module without that entry."""
    for path in failing.module.children:
        module = failing.trace.module(path)
        if module.kind != "ModuleDict":
            continue
        keys = [child.rpartition(".")[2] for child in module.children]
        if key not in keys:
            sentence = f"{path} has no module {key!r}, only {listed(map(repr, keys))}"
            near = get_close_matches(key, keys, n=1, cutoff=0.0)
            advice = [
                Candidate(
                    Suggestion(
                        action="change_call",
                        text=f"self.{path}[{name!r}]",
                        path=failing.path,
                        from_=key,
                        to=name,
                    )
                )
                for name in near
            ]
            return Diagnosis("module.missing_key", sentence, (), tuple(advice))
    return None
