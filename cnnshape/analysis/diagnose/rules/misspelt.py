"""Names that nothing has: ``x.veiw``, ``F.rleu``, a variable that is spelled in two ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Absent
from cnnshape.words import listed, with_article


def attribute(failing: Failing) -> Diagnosis | None:
    """A method of tensors, or a function of torch, under a name that does not exist."""
    absent = failing.failure.absent
    if absent is None or not absent.owner or not absent.near:
        return None
    # Classes have an article, Python modules have none.
    owner = with_article(absent.owner) if absent.owner[:1].isupper() else absent.owner
    sentence = say("{owner} has no attribute {name!r}", owner=owner, name=absent.name)
    sentence += _did_you_mean(absent)
    return Diagnosis("attribute.misspelt", sentence, (), tuple(_respelt(failing, absent)))


def variable(failing: Failing) -> Diagnosis | None:
    """A variable that is not defined, or not yet."""
    absent, forward = failing.failure.absent, f"{failing.module.type}.forward"
    if absent is None or absent.owner:
        return None
    if failing.failure.type == "UnboundLocalError":
        sentence = say(
            "{function} reads {name!r} before it has a value: the line that gives it one "
            "comes later, or was passed over",
            function=forward,
            name=absent.name,
        )
        return Diagnosis("name.undefined", sentence)
    source = failing.failure.source
    where = forward if source is None else source.function
    sentence = say(
        "{function} uses {name!r}, which is not defined", function=where, name=absent.name
    )
    sentence += _did_you_mean(absent)
    return Diagnosis("name.undefined", sentence, (), tuple(_respelt(failing, absent)))


def _did_you_mean(absent: Absent) -> str:
    return say("; did you mean {names}?", names=listed(absent.near, "or")) if absent.near else ""


def _respelt(failing: Failing, absent: Absent) -> Iterator[Suggestion]:
    """The expression with the name put right, where one name is nearest."""
    if len(absent.near) != 1:
        return
    kind = ast.Attribute if absent.owner else ast.Name
    for node, text in nodes_on(failing.failure.source, kind):
        spelled = node.attr if isinstance(node, ast.Attribute) else node.id
        if spelled == absent.name:
            put_right = text.removesuffix(absent.name) + absent.near[0]
            yield instead(failing, node, text, put_right)
            return
