"""What a first installation takes, measured; writes the tables of ``install.md`` anew.

    python docs/measure_install.py          # a network, 6 GB of disk, some minutes; not on Windows

The README's own command is run in a copy of this folder, in a terminal. Then what it installed is
weighed: what torch and torchvision bring, and what cnnshape brings beside them.
"""

from __future__ import annotations

import json
import os
import platform
import pty
import re
import select
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "install.md"
#: Where torch and torchvision are, and everything that these bring.
GIVEN = ("torch", "torchvision")
#: Why each package is there; one that is not named here ends the script.
WHY = {
    "cnnshape": "itself; 0.5 MB of it is the layout engine that pages carry",
    "pygraphviz": "diagrams: Graphviz as libraries, so that no program has to be installed",
    "pygments": "rich brings it",
    "rich": "models, training and sweeps in a terminal; tables in notebooks",
    "markdown-it-py": "rich brings it",
    "mdurl": "rich brings it",
    "pyyaml": "expectations in YAML",
    "click": "the command line",
    "graphviz": "the Python class that a diagram is",
    "pebble": "a process per model in `sweep`",
    "torchinfo": "its totals beside ours in `check`",
    "tomli": "expectations in TOML, before Python 3.11",
}
_LIST = """
import json
from importlib.metadata import distributions
print(json.dumps([
    [d.metadata["Name"], d.version, d.requires or [],
     sum(p.stat().st_size for f in d.files or [] if (p := f.locate()).is_file())]
    for d in distributions()
]))
"""


@dataclass(frozen=True)
class Watched:
    """How a command went, as somebody before the screen saw it."""

    seconds: float
    lines: int
    silence: float
    before_silence: str
    from_disk: bool


@dataclass(frozen=True)
class Package:
    """An installed package: what it needs, and its bytes on the disk."""

    name: str
    version: str
    requires: frozenset[str]
    size: int


def watch(command: str, folder: Path) -> Watched:
    """Run a command in a terminal.

    Raises:
        SystemExit: it failed.
    """
    master, slave = pty.openpty()
    start = last = time.monotonic()
    text, silence, before = "", 0.0, ""
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, stdout=slave, stderr=slave,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
    ) as process:  # fmt: skip
        os.close(slave)
        while True:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                piece = os.read(master, 65536).decode("utf-8", "replace")
            except OSError:  # how Linux tells that the other end is closed
                break
            now = time.monotonic()
            if now - last > silence:
                silence = now - last
                before = f"`{shown(text)[-1][:60]}`" if shown(text) else "the start"
            last, text = now, text + piece
            print(piece, end="", flush=True)
        process.wait()
    os.close(master)
    if process.returncode:
        raise SystemExit(f"it ended with {process.returncode}")
    from_disk = re.search(r"Processing \S+/torch-", text) is not None
    return Watched(time.monotonic() - start, len(shown(text)), silence, before, from_disk)


def shown(text: str) -> list[str]:
    """The lines that stand on the screen in the end, without their colours."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.rsplit("\r")[-1].strip() for line in plain.replace("\r\n", "\n").split("\n")
            if line.strip()]  # fmt: skip


def installed(python: Path) -> dict[str, Package]:
    """Every package of an environment, by its normalised name."""
    done = subprocess.run([python, "-c", _LIST], capture_output=True, text=True, check=True)
    return {
        normal(name): Package(
            normal(name),
            version,
            # Other markers were judged by pip: what was not needed is not there.
            frozenset(normal(needed) for needed in requires if "extra ==" not in needed),
            size,
        )
        for name, version, requires, size in json.loads(done.stdout)
    }


def normal(requirement: str) -> str:
    """The package of a requirement, its name written as others write it.

    >>> normal("Markdown_It.Py>=2.2")
    'markdown-it-py'
    """
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def reached(start: tuple[str, ...], packages: dict[str, Package]) -> set[str]:
    """What these need, and what that needs, as far as it is installed."""
    waiting, seen = set(start), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= (packages[name].requires & packages.keys()) - seen
    return seen


def fetched(package: Package, python: Path) -> int:
    """The bytes of its wheel."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder,
             f"{package.name}=={package.version}"],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return next(Path(folder).iterdir()).stat().st_size


def megabytes(size: float) -> str:
    """Two digits, or whole megabytes.

    >>> megabytes(23_456), megabytes(823_456), megabytes(112_400_000)
    ('0.02', '0.8', '112')
    """
    value = size / 1e6
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"


def weighed(python: Path, wheel: Path) -> str:
    """The table of what comes beside torch and torchvision."""
    packages = installed(python)
    given = reached(GIVEN, packages)
    brought = sorted(reached(("cnnshape",), packages) - given, key=lambda n: -packages[n].size)
    if unknown := set(brought) - set(WHY):
        raise SystemExit(f"say in WHY what {', '.join(sorted(unknown))} is for")
    wires = {name: fetched(packages[name], python) for name in brought if name != "cnnshape"}
    wires["cnnshape"] = wheel.stat().st_size
    rows = [
        f"| {name} | {megabytes(wires[name])} | {megabytes(packages[name].size)} | {WHY[name]} |"
        for name in brought
    ]
    disk = sum(packages[name].size for name in brought)
    rows.append(f"| together | {megabytes(sum(wires.values()))} | {megabytes(disk)} | |")
    shared = sorted((packages["cnnshape"].requires & given) - set(GIVEN))
    names = " and ".join(f"{name} {packages[name].version}" for name in GIVEN)
    # Not `given`: NVIDIA's libraries are extras of one that torch needs.
    size = sum(p.size for p in packages.values() if p.name not in {*brought, "pip", "setuptools"})
    told = (
        f"{names} are {size / 1e9:.1f} GB on the disk with all that they need, "
        f"{' and '.join(shared)} among it."
    )
    return "\n".join(
        ["| package | MB fetched | MB on the disk | why |", "|---|---:|---:|---|", *rows, "", told]
    )


def first_command(watched: Watched) -> str:
    """The table of the README's command."""
    return "\n".join([
        "| the first command | measured |",
        "|---|---:|",
        f"| from nothing to the first table | {watched.seconds:.0f} s |",
        f"| lines printed | {watched.lines} |",
        f"| longest silence | {watched.silence:.0f} s, after {watched.before_silence} |",
    ])  # fmt: skip


def readme_command() -> str:
    """What README says to type first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("<!-- command: run -->\n```sh\n")[2].partition("\n```")[0]


def between(text: str, name: str, new: str) -> str:
    """The page with what stands between two of its comments exchanged."""
    start, end = f"<!-- measured: {name} -->\n", "<!-- end -->"
    before, _, after = text.partition(start)
    if not after:
        raise SystemExit(f"{PAGE.name} has no {start.strip()}")
    return f"{before}{start}\n{new}\n\n{end}{after.partition(end)[2]}"


def main() -> None:
    """Measure, and write."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="cnnshape-install-") as name:
        folder = Path(name)
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        watched = watch(readme_command(), folder)
        python = folder / ".venv" / "bin" / "python"
        subprocess.run(
            [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, folder], check=True
        )
        weights = weighed(python, next(folder.glob("*.whl")))
    when = datetime.now(timezone.utc).strftime("%B %Y")
    conditions = (
        f"Measured in {when} on {platform.system()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, beside {load:.0f} busy processes"
        f"{'; torch came from the disk' if watched.from_disk else ''}."
    )
    text = PAGE.read_text(encoding="utf-8")
    text = between(text, "first command", f"{first_command(watched)}\n\n{conditions}")
    PAGE.write_text(between(text, "weights", weights), encoding="utf-8")


if __name__ == "__main__":
    main()
