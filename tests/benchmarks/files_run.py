"""How many of our files a command runs through: the length of the way through the house.

A file counts when one of its functions ran; being imported is not enough. Run it with
``python -m tests.benchmarks.files_run`` from the root of the repository; ``-v`` lists the files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

_FAILING = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
_COUNT = """
import os, sys, threading
root = os.path.join(os.getcwd(), "cnnshape") + os.sep
seen = set()
def note(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_name != "<module>" and code.co_filename.startswith(root):
        seen.add(code.co_filename[len(root):])
sys.setprofile(note)
threading.setprofile(note)
from cnnshape.cli.main import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
except BaseException:
    pass
sys.setprofile(None)
print("\\n".join(sorted(seen)), file=sys.__stderr__)
"""


def files_run(arguments: list[str]) -> list[str]:
    """The files of the package of which a function ran during one command."""
    ran = subprocess.run(
        [sys.executable, "-c", _COUNT, *arguments], capture_output=True, text=True, check=False
    )
    return [line for line in ran.stderr.splitlines() if line.endswith(".py")]


def main() -> None:
    """Print the count for four commands, and for ``formula``."""
    with tempfile.TemporaryDirectory() as folder:
        net = Path(folder) / "net.py"
        net.write_text(_FAILING)
        commands = (
            ["inspect", "lenet"],
            ["inspect", f"{net}:Net", "-i", "1,1,28,28"],
            ["draw", "lenet", "-o", f"{folder}/lenet.svg"],
            ["inspect", "lenet", "-i", "N,1,H,W"],
            ["formula", "conv", "(W - F + 2P)/S + 1"],
        )
        for arguments in commands:
            files = files_run(arguments)
            print(f"{len(files):4d}  cnnshape {' '.join(arguments)}".replace(folder, "…"))
            if "-v" in sys.argv:
                print("      " + "\n      ".join(files))


if __name__ == "__main__":
    main()
