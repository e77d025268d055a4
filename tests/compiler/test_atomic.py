"""Files appear whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from tenonc.compiler import TenonError
from tenonc.compiler.atomic import write_file, write_files


def fill(text: str):
    return lambda path: path.write_text(text)


def fail(path):
    path.write_text("half")
    raise RuntimeError("stop")


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_is_made_and_others_stay(tmp_path):
    out = tmp_path / "a" / "out"
    write_files(out, {"x": fill("1"), "y": fill("2")})
    (out / "mine").write_text("kept")
    write_files(out, {"x": fill("3")})
    assert names(out) == ["mine", "x", "y"]
    assert (out / "x").read_text() == "3" and (out / "mine").read_text() == "kept"


def test_failure_leaves_nothing_new(tmp_path):
    with pytest.raises(RuntimeError):
        write_files(tmp_path / "out", {"x": fill("1"), "y": fail})
    assert names(tmp_path) == []
    write_files(tmp_path / "out", {"x": fill("old")})
    with pytest.raises(RuntimeError):
        write_files(tmp_path / "out", {"x": fill("new"), "y": fail})
    assert names(tmp_path / "out") == ["x"] and (tmp_path / "out" / "x").read_text() == "old"


def test_failure_leaves_what_others_wrote_meanwhile(tmp_path):
    out = tmp_path / "a" / "out"

    def meanwhile(path: Path):
        (out / "theirs").write_text("kept")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_files(out, {"x": meanwhile})
    assert names(out) == ["theirs"] and (out / "theirs").read_text() == "kept"


def test_one_file(tmp_path):
    write_file(tmp_path / "x", fill("1"))
    assert names(tmp_path) == ["x"]
    with pytest.raises(TenonError, match="is a directory, expected a file name"):
        write_file(tmp_path, fill("1"))
    with pytest.raises(TenonError, match="is not a directory"):
        write_file(tmp_path / "x" / "y", fill("1"))


def test_permissions_are_those_of_the_user(tmp_path):
    (tmp_path / "plain").write_text("")
    write_file(tmp_path / "x", fill("1"))
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_os_errors_are_one_line(tmp_path):
    def full(path):
        raise OSError(28, "No space left on device")

    with pytest.raises(TenonError) as caught:
        write_files(tmp_path / "out", {"x": full})
    assert str(caught.value) == f"{tmp_path / 'out'}: cannot be written: no space left on device"
    assert names(tmp_path) == []


def test_a_folder_in_a_files_place_stops_before_anything_moves(tmp_path):
    (tmp_path / "y").mkdir()
    (tmp_path / "x").write_text("old")
    with pytest.raises(TenonError, match="y: is a directory, expected a file name"):
        write_files(tmp_path, {"x": fill("new"), "y": fill("new")})
    assert (tmp_path / "x").read_text() == "old" and names(tmp_path) == ["x", "y"]


def test_folders_made_on_the_way_vanish_with_the_failure(tmp_path):
    for folder in (tmp_path / "a" / "b", tmp_path / "a" / ("n" * 300)):
        with pytest.raises((TenonError, RuntimeError)):
            write_files(folder, {"x": fail})
        assert names(tmp_path) == []


def test_overlong_name_is_one_line(tmp_path):
    with pytest.raises(TenonError, match="cannot be written: file name too long"):
        write_file(tmp_path / ("n" * 300), fill("1"))
    with pytest.raises(TenonError, match="cannot be written: file name too long"):
        write_files(tmp_path / ("n" * 300) / "out", {"x": fill("1")})
    assert names(tmp_path) == []


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_file(pipe, fill("1"))
    reader.join(10)
    assert found == ["1"] and stat.S_ISFIFO(pipe.stat().st_mode) and names(tmp_path) == ["pipe"]


def test_a_full_device_is_one_line():
    full = Path("/dev/full")
    with pytest.raises(TenonError, match="/dev/full: cannot be written: no space left on device"):
        write_file(full, fill("1"))
    assert stat.S_ISCHR(full.stat().st_mode)
