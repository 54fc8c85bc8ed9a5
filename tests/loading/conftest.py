"""What several tests of loading need."""

from __future__ import annotations

from types import ModuleType

import pytest

from cnnshape.errors import MissingDependencyError
from cnnshape.loading.catalogs import import_torchvision_models


@pytest.fixture
def torchvision() -> ModuleType:
    """``torchvision.models``; a test is skipped where it does not work beside this torch."""
    try:
        return import_torchvision_models()
    except MissingDependencyError as error:
        pytest.skip(str(error))
