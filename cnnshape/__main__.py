"""``python -m cnnshape`` and the ``cnnshape`` command."""

from __future__ import annotations

from cnnshape.cli.main import run


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    raise SystemExit(run())


if __name__ == "__main__":
    main()
