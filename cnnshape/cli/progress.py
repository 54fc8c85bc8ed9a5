"""A sign of life on stderr where work takes over a second; nothing at all where it is quick."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Generator

from cnnshape.messages import translated

_PATIENCE = 1.0


@contextlib.contextmanager
def waiting(text: str, quiet: bool = False) -> Generator[Callable[[str], None]]:
    """Show ``text`` with a spinner while the block runs, from the second second on.

    Yields a function that changes the text. Only where stderr is a terminal. What the block
    prints goes to stderr, so that stdout holds the result alone.
    """
    shown = [translated(text)]

    def tell(now: str) -> None:
        shown[0] = translated(now)

    with contextlib.redirect_stdout(sys.stderr):
        if quiet or not sys.stderr.isatty():
            yield tell
            return
        done = threading.Event()
        thread = threading.Thread(target=_spin, args=(shown, done), daemon=True)
        thread.start()
        try:
            yield tell
        finally:
            done.set()
            thread.join()


def _spin(shown: list[str], done: threading.Event) -> None:
    if done.wait(_PATIENCE):
        return
    # Imported here: by now a second has passed, and the main thread is busy elsewhere.
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    spinner = Spinner("dots", Text(shown[0]))
    with Live(
        spinner,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        refresh_per_second=10,
    ):
        while not done.wait(0.1):
            spinner.update(text=Text(shown[0]))
