"""The result of ``check`` where CI shows it: GitHub annotations, and JUnit XML as GitLab reads it.

Both have one failure for each cause, at the line of the model's code; what follows from it is
named there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from cnnshape.analysis.claims import CheckResult, Claim
from cnnshape.rendering.claim_text import name, sentence, summary
from cnnshape.tracing.trace import Source
from cnnshape.words import plural

#: So many of those that follow are named.
_NAMED = 6


def github(result: CheckResult) -> str:
    """Workflow commands that GitHub shows as annotations of the pull request.

    >>> claim = Claim("shape", "C1", (1, 6, 28, 28), (1, 6, 24, 24), False)
    >>> print(github(CheckResult((claim,))))
    ::error title=cnnshape shape C1::1×6×24×24, expected 1×6×28×28
    ::notice title=cnnshape check::0 ok, 1 failed
    """
    lines = [_annotation(*group) for group in result.failures]
    return "\n".join([*lines, f"::notice title=cnnshape check::{summary(result)}"])


def _annotation(cause: Claim, *following: Claim) -> str:
    properties = {**_place(cause.source), "title": f"cnnshape {name(cause)}"}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::error {written}::{_message(_with_following(cause, following))}"


def _with_following(cause: Claim, following: Sequence[Claim]) -> str:
    if not following:
        return sentence(cause)
    names = list(dict.fromkeys(claim.path or "model" for claim in following))
    shown = [*names[:_NAMED], "…"] if len(names) > _NAMED else names
    verb = plural(len(following), "follows", "follow")
    return f"{sentence(cause)}; {verb} from it: {', '.join(shown)}"


def _place(source: Source | None) -> dict[str, str]:
    """File and line as CI knows them: below the repository, else not at all."""
    if source is None:
        return {}
    root = Path(os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or ".")
    try:
        file = Path(source.file).resolve().relative_to(root.resolve())
    except (ValueError, OSError):
        return {}
    return {"file": file.as_posix(), "line": str(source.line)}


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def junit(result: CheckResult) -> str:
    """The format that GitLab, Jenkins and others show beside a merge request.

    What follows from a failure is skipped, and says from which.
    """
    output = escape(_xml("\n".join(result.information)))
    following = sum(claim.cause is not None for claim in result.claims)
    skipped = f' skipped="{following}"' if following else ""
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            (
                f'  <testsuite name="cnnshape check" tests="{len(result.claims)}" '
                f'failures="{len(result.failures)}" errors="0"{skipped}>'
            ),
            *(_case(result, claim) for claim in result.claims),
            f"    <system-out>{output}</system-out>",
            "  </testsuite>",
            "</testsuites>",
        ]
    )


def _case(result: CheckResult, claim: Claim) -> str:
    attributes = {"classname": result.spec or "model", "name": name(claim), **_place(claim.source)}
    written = " ".join(f"{key}={quoteattr(_xml(value))}" for key, value in attributes.items())
    if claim.ok:
        return f"    <testcase {written}/>"
    text = _xml(sentence(claim))
    if claim.cause is None:
        verdict = f"<failure message={quoteattr(text)}>{escape(text)}</failure>"
    else:
        why = _xml(f"{text}; follows from {name(result.claims[claim.cause])}")
        verdict = f"<skipped message={quoteattr(why)}/>"
    return f"    <testcase {written}>\n      {verdict}\n    </testcase>"


def _xml(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
