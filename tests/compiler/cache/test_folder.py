"""A folder that processes share: whole files, the oldest go, nothing of a killed writer stays."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenonc.compiler.cache.folder import FolderError, PrivateFolder


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder(tmp_path / "cache" / "artifacts", 1000)


def put(folder: PrivateFolder, name: str, content: bytes = b"x" * 400) -> None:
    folder.publish(name, lambda file: file.write(content))


def content(folder: PrivateFolder, name: str) -> bytes | None:
    with folder.reading(name) as file:
        return None if file is None else os.read(file, 1 << 20)


def used_at(folder: PrivateFolder, name: str, when: float) -> None:
    os.utime(folder.path / name, (when, when))


def test_nothing_is_made_by_reading(folder: PrivateFolder):
    assert content(folder, "a") is None
    assert folder.found() == [] and folder.clear() == 0
    assert not folder.path.parent.exists()


def test_folders_and_files_are_private(folder: PrivateFolder):
    before = os.umask(0)
    try:
        put(folder, "a")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (folder.path.parent, folder.path, folder.path / "a")]
    assert modes == [0o700, 0o700, 0o600]


def test_the_least_recently_used_go(folder: PrivateFolder):
    for age, name in enumerate("abc"):
        put(folder, name, b"x" * 300)
        used_at(folder, name, 1000 - age)
    assert content(folder, "c")  # a use
    put(folder, "d", b"x" * 300)
    assert {one.name for one in folder.found()} == {"c", "a", "d"}


def test_a_file_larger_than_the_limit_stays_alone(folder: PrivateFolder):
    put(folder, "a")
    put(folder, "b", b"x" * 2000)
    assert [one.name for one in folder.found()] == ["b"]


def test_who_has_a_file_open_keeps_it(folder: PrivateFolder):
    put(folder, "a", b"old")
    with folder.reading("a") as first, folder.reading("a") as second:
        assert first is not None and second is not None
        put(folder, "a", b"new")
        assert os.read(first, 10) == b"old"
        assert folder.clear() == 3
        assert os.read(second, 10) == b"old"
    assert content(folder, "a") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
def test_a_folder_that_others_may_write_to_is_refused(folder: PrivateFolder, mode: int):
    put(folder, "a")
    for path in (folder.path, folder.path.parent):
        path.chmod(mode)
        line = rf"^{path}: others may write to it \(mode {mode:o}\): it is not trusted \(chmod go-w\)$"
        with pytest.raises(FolderError, match=line):
            content(folder, "a")
        with pytest.raises(FolderError, match=line):
            put(folder, "b")
        path.chmod(0o700)
    (folder.path / "a").chmod(0o666)
    with pytest.raises(FolderError, match="others may write to it"):
        content(folder, "a")
    put(folder, "a", b"mine")  # the folder is the user's: what is wrong in it is replaced
    assert content(folder, "a") == b"mine"


def test_another_users_folder_is_refused(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch):
    put(folder, "a")
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    line = rf"^{folder.path.parent}: belongs to user {user}, not to {user + 1}: it is not trusted$"
    with pytest.raises(FolderError, match=line):
        content(folder, "a")


def test_links_and_folders_are_no_files(folder: PrivateFolder, tmp_path: Path):
    put(folder, "a")
    (tmp_path / "elsewhere").write_bytes(b"code")
    (folder.path / "link").symlink_to(tmp_path / "elsewhere")
    (folder.path / "dir").mkdir()
    with pytest.raises(FolderError, match="link: cannot be read: too many levels of symbolic links$"):
        content(folder, "link")
    with pytest.raises(FolderError, match="dir: is not a file$"):
        content(folder, "dir")
    assert [one.name for one in folder.found()] == ["a"]


def test_not_a_directory(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "artifacts", tmp_path / "file"):
        folder = PrivateFolder(path, 1000)
        for act in (folder.found, lambda folder=folder: put(folder, "a")):
            with pytest.raises(FolderError, match="cannot be opened: not a directory$"):
                act()


def test_a_full_disk_leaves_nothing(folder: PrivateFolder):
    def write(file) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(FolderError, match=f"^{folder.path}: cannot be written: no space left on device$"):
        folder.publish("a", write)
    assert list(folder.path.iterdir()) == []


def test_the_folder_may_vanish_while_it_is_written_to(folder: PrivateFolder):
    times: list[int] = []

    def write(file) -> None:
        file.write(b"content")
        if not times:
            for path in folder.path.iterdir():
                path.unlink()
            folder.path.rmdir()
        times.append(1)

    folder.publish("a", write)
    assert content(folder, "a") == b"content" and len(times) == 2


WRITER = """
import sys, time
from pathlib import Path
from tenonc.compiler.cache.folder import PrivateFolder

def write(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)

PrivateFolder(Path(sys.argv[1]), 1000).publish("a", write)
"""


def test_what_a_killed_writer_left_is_removed(folder: PrivateFolder):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder.path)], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"writing\n"
    (left,) = folder.path.iterdir()
    assert left.name.startswith(".a.") and content(folder, "a") is None
    old = time.time() - 3600
    os.utime(left, (old, old))
    put(folder, "b")
    assert left.exists()  # its writer is alive
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    put(folder, "a", b"whole")
    assert {path.name for path in folder.path.iterdir()} == {"a", "b"}
    assert content(folder, "a") == b"whole"
