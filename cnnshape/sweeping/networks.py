"""Which networks a file of Python defines: it is run to find out, in a process of its own."""

from __future__ import annotations

from cnnshape.errors import CnnshapeError, ModelNotFoundError
from cnnshape.sweeping.isolation import Limits, Lost, isolated

#: Importing torch and the user's own code takes seconds.
_SECONDS = 120


def networks_in(file: str) -> list[str]:
    """The network classes and the built networks that a file defines, in its order.

    Raises:
        ModelNotFoundError: there is no such file, or it cannot be run.
    """
    found = isolated(_networks, file, Limits(seconds=_SECONDS))
    if isinstance(found, Lost):
        raise ModelNotFoundError(f"{file} cannot be run to list its networks: {found.cause}")
    names, problem = found
    if problem:
        raise ModelNotFoundError(problem)
    return names


def _networks(file: str) -> tuple[list[str], str]:
    """The names, or why there are none."""
    from cnnshape.exits import exits_refused
    from cnnshape.loading.construct import no_downloads
    from cnnshape.loading.target import defined_networks
    from cnnshape.loading.user_code import find_file, import_file, importable, place_file

    try:
        source = place_file(find_file(file))
        with (
            exits_refused(),
            no_downloads(),
            importable(source.folders, str(source.path), source.package),
        ):
            return defined_networks(import_file(source)), ""
    except CnnshapeError as error:
        return [], str(error)
