"""The pytest plugin: ``assert_shapes``, ``shapes_snapshot``, and why a model raised in a test.

Pytest finds it on install. It imports nothing of torch until a test uses it or fails.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from hashlib import sha256
from io import StringIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from torch import nn

    from cnnshape.analysis.claims import CheckResult
    from cnnshape.analysis.report import Report

_UPDATE = "--update-shapes"
_FOLDER = "shapes"
#: A test's name of more characters than this is cut off.
_LONGEST = 120


class AssertShapes(Protocol):
    """What the fixture ``assert_shapes`` is."""

    def __call__(
        self, model: nn.Module | str, inputs: object, shapes: Mapping[str, Any], **options: Any
    ) -> None:
        """Raise an AssertionError if a layer has another size."""


class ShapesSnapshot(Protocol):
    """What the fixture ``shapes_snapshot`` is."""

    def __call__(self, model: nn.Module | str, inputs: object = None, **options: Any) -> None:
        """Raise an AssertionError if a layer has another size than in the file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flag that rewrites snapshots, and the setting that leaves explanations out."""
    group = parser.getgroup("cnnshape", "shapes of PyTorch models")
    group.addoption(_UPDATE, action="store_true", help="write the files of shapes_snapshot anew")
    parser.addini(
        "cnnshape_explain",
        "say under a failing test why a model raised in it, and what to change",
        type="bool",
        default=True,
    )


@pytest.fixture
def assert_shapes() -> AssertShapes:
    """Hold layers of a model to the sizes that they should have.

    ``assert_shapes(model, inputs, {"C1": (1, 6, 28, 28)})``; the rest as for ``cnnshape.check``.
    """
    return _assert_shapes


def _why(result: CheckResult) -> str:
    """Why the model raised, below the sizes that it still had."""
    if result.error is None:
        return ""
    from cnnshape.rendering.failure import error_lines
    from cnnshape.rendering.printing import as_text

    return "\n" + as_text(error_lines(result.error, result.error.type, None)).rstrip("\n")


class DifferentSizesError(AssertionError):
    """Sizes are not as they should be; the message says it all."""


def _assert_shapes(
    model: nn.Module | str, inputs: object, shapes: Mapping[str, Any], **options: Any
) -> None:
    __tracebackhide__ = True
    import cnnshape

    result = cnnshape.check(model, inputs, expect=dict(shapes), **options)
    wrong = [claim for claim in result.claims if claim.what == "shape" and not claim.ok]
    if wrong:
        from cnnshape.rendering.claim_text import differences

        raise DifferentSizesError(f"sizes are not as expected\n{differences(wrong)}{_why(result)}")
    if result.error is not None:
        raise DifferentSizesError(f"the model raised{_why(result)}")


@pytest.fixture
def shapes_snapshot(request: pytest.FixtureRequest) -> ShapesSnapshot:
    """Hold every layer of a model to the sizes in a file beside the test.

    ``shapes_snapshot(model, inputs)``; the rest as for ``cnnshape.inspect``. The file, one line a
    layer, is written by ``pytest --update-shapes``.
    """
    files = _files(request.path, request.node.nodeid)
    update = bool(request.config.getoption(_UPDATE))

    def snapshot(model: nn.Module | str, inputs: object = None, **options: Any) -> None:
        __tracebackhide__ = True
        import cnnshape

        report = cnnshape.inspect(model, inputs, **options)
        if report.error is not None:
            raise DifferentSizesError(f"the model raised, so that it has no sizes\n{report}")
        _hold(report, next(files), update=update)

    return snapshot


def _files(test: Path, node: str) -> Iterator[Path]:
    """Where a test's snapshots lie, one after another: ``shapes/test_net.test_lenet.txt``, ….

    >>> files = _files(Path("tests/test_net.py"), "tests/test_net.py::test_sizes[1-2]")
    >>> next(files).as_posix(), next(files).name
    ('tests/shapes/test_net.test_sizes-1-2.txt', 'test_net.test_sizes-1-2.2.txt')
    """
    function, bracket, case = node.partition("::")[2].partition("[")
    plain = function.replace("::", ".") + (f"-{case.removesuffix(']')}" if bracket else "")
    safe = re.sub(r"[^\w.=+-]", "-", plain)
    if safe != plain or len(safe) > _LONGEST:  # another case may look the same
        safe = f"{safe[:_LONGEST]}-{sha256(plain.encode()).hexdigest()[:8]}"
    for number in count(1):
        suffix = "" if number == 1 else f".{number}"
        yield test.parent / _FOLDER / f"{test.stem}.{safe}{suffix}.txt"


def _hold(report: Report, file: Path, *, update: bool) -> None:
    """Compare a report with a file, or write it."""
    __tracebackhide__ = True
    from cnnshape.files import write_atomic
    from cnnshape.integrations.shape_snapshot import difference, snapshot_text

    text = snapshot_text(report, f"written by pytest {_UPDATE}")
    if not update and not file.is_file():
        raise DifferentSizesError(
            f"there is no {file} to hold the sizes to: pytest {_UPDATE} writes it"
        )
    before = file.read_text("utf-8", "replace") if file.is_file() else ""
    changed = difference(before, text)
    if update and changed:
        file.parent.mkdir(exist_ok=True)
        write_atomic(file, text)
    elif changed:
        raise DifferentSizesError(
            f"sizes are not as in {file}\n{changed}\n"
            f"after a change that is meant, pytest {_UPDATE} writes it anew"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Below a test that fails in a model's forward: why, and what to change."""
    report = yield
    if report.failed and call.excinfo is not None and item.config.getini("cnnshape_explain"):
        text = _explained(call.excinfo.value)
        if text:
            report.sections.append(("cnnshape explain", text))
    return report


def _explained(exception: BaseException) -> str:
    """What there is to say of an exception; nothing where it comes from no model.

    The call that failed is run once more. What it prints belongs to no test, and whatever goes
    wrong here, the test's own failure is told.
    """
    if "torch" not in sys.modules or isinstance(exception, DifferentSizesError):
        return ""
    from cnnshape.api.explaining import explain_exception

    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(Exception):
        found = explain_exception(exception)
        if found is not None and found.says_why:
            return str(found)
    return ""
