"""A model as it was at a git revision: the whole tree in a temporary folder, in its own process.

``net.py:Net@main`` is the file as the branch has it, with all that it imports. The work tree is not
touched, and neither is anything that this process has imported.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from cnnshape.analysis.report import Report
from cnnshape.errors import CnnshapeError, ModelFailedError, ModelNotFoundError, UsageError
from cnnshape.messages import say

_AT = re.compile(r"(?P<spec>.+(?:\.py|:)[^@]*)@(?P<revision>[^@\s(){}:]+)", re.DOTALL)
_CATALOGS = ("torchvision:", "timm:", "hf:")
#: What the process is started with: its own folder must not be searched for cnnshape.
_START = (
    "import sys; sys.path[:1] = [sys.argv[1]]; "
    "from cnnshape.experiments.at_revision import answer; answer(*sys.argv[2:])"
)


def split_revision(text: str) -> tuple[str, str | None]:
    """A MODEL argument and the revision behind it, if it has one.

    >>> split_revision("net.py:Net(num_classes=3)@main"), split_revision("lenet")
    (('net.py:Net(num_classes=3)', 'main'), ('lenet', None))

    Raises:
        UsageError: a revision stands behind a model that is in no repository.
    """
    match = _AT.fullmatch(text)
    if match is None or Path(text).exists():
        return text, None
    if text.startswith(_CATALOGS):
        raise UsageError(
            say(
                "{model}: only code of your own has revisions; leave @{revision} out",
                model=text,
                revision=match["revision"],
            )
        )
    return match["spec"], match["revision"]


def report_at(spec: str, revision: str, inputs: object, options: dict[str, Any]) -> Report:
    """The report of a model as it was at a revision.

    Args:
        spec: a file, or a module below the working directory.
        revision: a branch, a tag, a commit.
        inputs: as for ``cnnshape.inspect``.
        options: further arguments of ``cnnshape.inspect``.

    Raises:
        UsageError: there is no such repository or revision, or the MODEL cannot be used there.
        ModelFailedError: its process ended without an answer.
    """
    here = Path.cwd()
    file = spec.partition(".py")[0] + ".py" if ".py" in spec else ""
    root = _root((here / file).parent if file else here, spec)
    commit = _commit(root, revision, spec)
    with tempfile.TemporaryDirectory(prefix="cnnshape-") as folder:
        _extract(root, commit, Path(folder) / "tree")
        start = Path(folder) / "tree" / os.path.relpath(here, root)
        if os.path.relpath(here, root).startswith(".."):  # asked from outside of the repository
            start = Path(folder) / "tree"
        start.mkdir(parents=True, exist_ok=True)
        there = _inside(spec, file, root, start)
        return _asked(Path(folder), start, there, f"{spec}@{revision}", inputs, options)


def _root(folder: Path, spec: str) -> Path:
    try:
        found = _git(folder if folder.is_dir() else Path.cwd(), "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        raise UsageError(
            say("{model}: a revision needs git, which is not installed", model=spec)
        ) from None
    if found.returncode:
        raise UsageError(
            say(
                "{model}: {folder} is in no git repository, so that it has no revisions",
                model=spec,
                folder=folder,
            )
        )
    return Path(os.fsdecode(found.stdout.rstrip(b"\n")))


def _commit(root: Path, revision: str, spec: str) -> str:
    wanted = f"{revision}^{{commit}}"
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    if found.returncode:
        raise UsageError(
            say(
                "{model}@{revision}: the repository {root} has no revision {revision!r}",
                model=spec,
                revision=revision,
                root=root,
            )
        )
    return found.stdout.decode().strip().splitlines()[-1]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)


def _extract(root: Path, commit: str, folder: Path) -> None:
    """The tree of a commit, without its history."""
    archive = folder.with_suffix(".tar")
    with archive.open("wb") as stream:
        subprocess.run(
            ["git", "archive", "--format=tar", commit], cwd=root, stdout=stream, check=True
        )
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):
            packed.extractall(folder, filter="data")
        else:
            packed.extractall(folder)  # noqa: S202 - git archive wrote it just now
    archive.unlink()


def _inside(spec: str, file: str, root: Path, start: Path) -> str:
    """The MODEL as the process there has to name it: a file by its place in the tree."""
    if not file:
        return spec
    place = Path(os.path.relpath((Path.cwd() / file).resolve(), root.resolve()))
    tree = next(above for above in (start, *start.parents) if above.name == "tree")
    return f"{tree / place}{spec[len(file) :]}"


def _asked(
    folder: Path, start: Path, spec: str, name: str, inputs: object, options: dict[str, Any]
) -> Report:
    """Ask a process that stands in the tree."""
    question, answered = folder / "question", folder / "answer"
    question.write_bytes(pickle.dumps((spec, inputs, options)))
    package = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _START, package, str(question), str(answered)],
        cwd=start,
        stdout=subprocess.DEVNULL,  # what the model prints belongs to no result
        stderr=subprocess.PIPE,
        check=False,
    )
    if not answered.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        sentence = say(
            "{model}: its process ended with status {status}", model=name, status=done.returncode
        )
        if said:
            sentence = say("{what}: {message}", what=sentence, message=said[-1])
        raise ModelFailedError(sentence)
    # Written by the process above, which ran nothing but this package and the user's own code.
    answer = pickle.loads(answered.read_bytes())  # noqa: S301
    if isinstance(answer, Report):
        return answer
    kind, text = answer
    text = text.replace(f"{folder / 'tree'}{os.sep}", "")
    raise (ModelNotFoundError if kind == "usage" else ModelFailedError)(
        say("at {model}: {reason}", model=name, reason=text)
    )


def answer(question: str, answered: str) -> None:
    """What the process does: inspect, and write the report or the sentence that there is."""
    from dataclasses import replace

    import cnnshape

    sys.path.insert(0, str(Path.cwd()))
    spec, inputs, options = pickle.loads(Path(question).read_bytes())  # noqa: S301
    result: object
    try:
        result = replace(cnnshape.inspect(spec, inputs, **options), exception=None)
    except CnnshapeError as error:
        result = ("usage" if isinstance(error, UsageError) else "failed", str(error))
    Path(answered).write_bytes(pickle.dumps(result))
