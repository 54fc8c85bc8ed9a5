"""Brackets that are missing, superfluous or of the wrong kind: ``x.shape(0)``, ``x.size[0]``.

Python says of what type the thing was; what was meant stands in the line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.operations import TABLE
from cnnshape.words import times

#: What a tensor has and is read without brackets.
_PROPERTIES = frozenset("shape ndim dtype device T mT H data grad layout real imag".split())
#: What a tensor tells only when it is called.
_METHODS = frozenset("size dim numel nelement stride ndimension".split())


def misused(failing: Failing) -> Diagnosis | None:
    """A thing that is called although it cannot be, or not called although it must be."""
    if failing.failure.type not in ("TypeError", "AttributeError") or failing.module.builtin:
        return None
    for look in (_property, _method, _layer_class, _own, _indexed_layer, _passed_layer):
        for sentence, change in look(failing):
            found = () if change is None else (change,)
            return Diagnosis("call.misused", sentence, (), found)
    return None


_Found = Iterator[tuple[str, Suggestion | None]]


def _uncallable(failing: Failing) -> bool:
    """Python's own words for what was called and cannot be."""
    return failing.failure.message.endswith("object is not callable")


def _property(failing: Failing) -> _Found:
    """``x.shape(0)`` for ``x.shape[0]``, ``x.T()`` for ``x.T``."""
    if not _uncallable(failing):
        return
    for node, text in nodes_on(failing.failure.source, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PROPERTIES:
            name = node.func.attr
            bare, _, inside = text.removesuffix(")").partition(f".{name}(")
            indexed = f"[{inside}]" if inside else ""
            sentence = say("{name} is no method of tensors: it is read without brackets", name=name)
            if indexed:
                sentence = say(
                    "{name} is no method of tensors: an index stands in square brackets", name=name
                )
            yield sentence, instead(failing, node, text, f"{bare}.{name}{indexed}")


def _method(failing: Failing) -> _Found:
    """``x.size[0]`` for ``x.size(0)``, ``x.size`` for ``x.size()``."""
    if failing.failure.type != "TypeError" or _uncallable(failing):
        return
    source = failing.failure.source
    for node, text in nodes_on(source, ast.Subscript):
        if isinstance(node.value, ast.Attribute) and node.value.attr in _METHODS:
            name = node.value.attr
            index = text[text.rindex(f".{name}[") + len(name) + 2 : -1]
            bare = text[: text.rindex(f".{name}[")]
            sliced = isinstance(node.slice, ast.Slice)
            better = f"{bare}.{name}()[{index}]" if sliced else f"{bare}.{name}({index})"
            sentence = say(
                "{name} is a method of tensors: it is called with round brackets", name=name
            )
            yield sentence, instead(failing, node, text, better)
    called = {id(call.func) for call, _ in nodes_on(source, ast.Call)}
    for node, text in nodes_on(source, ast.Attribute):
        if node.attr in _METHODS and id(node) not in called:
            sentence = say(
                "{name} is a method of tensors, and here it is not called", name=node.attr
            )
            yield sentence, instead(failing, node, text, f"{text}()")


def _layer_class(failing: Failing) -> _Found:
    """``nn.ReLU(x)``, which builds a layer out of a tensor."""
    source = failing.failure.source
    run = {id(call.func) for call, _ in nodes_on(source, ast.Call)}
    for node, text in nodes_on(source, ast.Call):
        if id(node) in run:
            continue
        function = node.func
        if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
            continue
        name = function.attr
        settings = all(isinstance(given, ast.Constant) for given in node.args)
        if function.value.id != "nn" or not name[:1].isupper() or settings:
            continue
        entry, inside = TABLE.behind(name), text.partition("(")[2].removesuffix(")")
        sentence = say(
            "nn.{name}(…) builds a layer and does not run it: it takes settings, and the "
            "layer that it gives takes the tensor",
            name=name,
        )
        simple = entry is not None and entry.family == "activation" and "softm" not in entry.name
        better = instead(failing, node, text, f"nn.{name}()({inside})") if simple else None
        yield sentence, better


def _own(failing: Failing) -> _Found:
    """``self.fc(x)`` where ``self.fc`` is a number or a parameter."""
    if not _uncallable(failing):
        return
    module = failing.module
    held = {name.rpartition(".")[2]: name for name in (*module.parameters, *module.buffers)}
    for node, _ in nodes_on(failing.failure.source, ast.Call):
        name = _of_self(node.func)
        if name in module.config:
            value = module.config[name]
            yield (
                say("self.{name} is {value!r}, which cannot be called", name=name, value=value),
                None,
            )
        elif name in module.unregistered:
            sentence = say(
                "self.{name} is a plain list or dict of layers, which cannot be called: call them "
                "one by one, or make it an nn.Sequential",
                name=name,
            )
            yield sentence, None
        elif name in held:
            shape = _shape(failing, held[name])
            yield (
                say(
                    "self.{name} is a tensor{of_shape} and no layer: it cannot be called",
                    name=name,
                    of_shape=shape,
                ),
                None,
            )


def _shape(failing: Failing, name: str) -> str:
    found = (v for v in failing.trace.values if name in v.parameters or v.name == name)
    shape = next((sizes(value) for value in found), None)
    return say(" of {shape}", shape=times(shape)) if shape else ""


def _indexed_layer(failing: Failing) -> _Found:
    """``self.fc[x]`` for ``self.fc(x)``."""
    for node, text in nodes_on(failing.failure.source, ast.Subscript):
        name = _of_self(node.value)
        kind = _kind_of(failing, name)
        if kind and kind not in ("Sequential", "ModuleList", "ModuleDict"):
            better = text.replace(f"{name}[", f"{name}(", 1).removesuffix("]") + ")"
            sentence = say(
                "self.{name} is a layer ({kind}): it is called with round brackets",
                name=name,
                kind=kind,
            )
            yield sentence, instead(failing, node, text, better)


def _passed_layer(failing: Failing) -> _Found:
    """``torch.relu(self.fc)``, where the layer itself and not its result is handed on."""
    for node, _ in nodes_on(failing.failure.source, ast.Call):
        for argument in node.args:
            name = _of_self(argument)
            kind = _kind_of(failing, name)
            if kind and kind in failing.failure.message:
                sentence = say(
                    "self.{name} is a layer ({kind}): what it makes of a tensor is self.{name}(…)",
                    name=name,
                    kind=kind,
                )
                yield sentence, None


def _of_self(node: ast.expr) -> str:
    """``fc`` of ``self.fc``."""
    owner = node.value if isinstance(node, ast.Attribute) else None
    own = isinstance(owner, ast.Name) and owner.id == "self"
    return node.attr if own and isinstance(node, ast.Attribute) else ""


def _kind_of(failing: Failing, name: str) -> str:
    """The class of a child of the failing module; empty where there is none of that name."""
    path = f"{failing.path}.{name}".lstrip(".")
    if not name or path not in failing.module.children:
        return ""
    return failing.trace.module(path).type
