"""What several tests share."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

# Output is compared as text: no colours, one width and language, whoever runs the tests.
os.environ["NO_COLOR"] = "1"
os.environ.pop("CNNSHAPE_LANG", None)
os.environ.setdefault("COLUMNS", "100")

# Examples are drawn anew on every machine, but none is called slow by the clock of a busy one. In
# CI they are the same every time: a change is not stopped by a draw that has nothing to do with it.
pytest_plugins = ["pytester"]

settings.register_profile("cnnshape", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("cnnshape")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the torchvision models where torchvision does not fit the installed torch."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        skip = pytest.mark.skip(reason=f"torchvision cannot be imported: {error}")
        for item in items:
            if "zoo" in item.path.parts or item.get_closest_marker("torchvision"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _no_stray_modules():
    """A model file that a test loads must not be found by the next one under the same name."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "pytest-of-" in file:
            del sys.modules[name]
