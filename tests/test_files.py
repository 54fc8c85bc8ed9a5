"""Results are written whole or not at all, and nothing but a regular file is ever replaced."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from cnnshape.errors import OutputError
from cnnshape.files import check_target, write_atomic

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and modes of POSIX")


@posix
def test_a_link_goes_on_pointing_at_its_file(tmp_path: Path):
    real = tmp_path / "real.txt"
    real.write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


@posix
def test_a_link_to_nothing_makes_its_file(tmp_path: Path):
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "not yet.txt")
    write_atomic(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "not yet.txt").read_text() == "new"


@posix
def test_the_mode_is_kept(tmp_path: Path):
    target = tmp_path / "shared.txt"
    target.write_text("old")
    target.chmod(0o640)
    write_atomic(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_a_pipe_is_written_through(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    check_target(pipe)
    write_atomic(pipe, "28 → 24")
    reader.join(timeout=20)
    assert read == ["28 → 24"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_a_device_stays_a_device():
    write_atomic("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_full_device_is_one_sentence():
    with pytest.raises(OutputError, match=r"cannot write '/dev/full': No space left on device"):
        write_atomic("/dev/full", "x" * 10)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@posix
@pytest.mark.parametrize("name", ["a" * 300, "nul\0inside"])
@pytest.mark.parametrize("write", [lambda p: write_atomic(p, "x"), check_target])
def test_names_that_no_file_can_have(tmp_path: Path, name: str, write):
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
