"""Runs commands of cnnshape, each in a fork of one process that has torch imported.

The cases come as JSON on stdin, ``[{"command": …, "hidden": …, "first": …}]``: the packages that
are not found, and a folder that is looked in first. The results leave on stdout,
``[{"code": …, "out": …, "err": …}]``.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def run(case: dict[str, str]) -> dict[str, Any]:
    """One command, in a process that ends with it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(command(case))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8"))
    return {"code": code, "out": texts[0], "err": texts[1]}


def command(case: dict[str, str]) -> int:
    """What the command ends with; 70 if a traceback would be shown."""
    try:
        if case.get("hidden"):
            os.environ["HIDDEN"] = case["hidden"]
            sys.path.insert(0, str(HERE))  # for the processes that this one starts
            runpy.run_path(str(HERE / "sitecustomize.py"))
        if case.get("first"):
            sys.path.insert(0, case["first"])
        from cnnshape.cli.main import run as run_command

        code = run_command(case["command"].split())
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    import torch  # noqa: F401 - once for all

    json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
