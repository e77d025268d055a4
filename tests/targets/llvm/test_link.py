"""Which linker is taken, and what is said where none can do it."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.llvm.codegen import emit_object
from tenonc.targets.llvm.link import link_shared
from tenonc.targets.record import host, records

TRIPLE = host().triple
TEXT = """declare float @cosf(float)
define float @f(float %x) {
  %y = call float @cosf(float %x)
  ret float %y
}
"""


@pytest.fixture
def objects(tmp_path) -> list[Path]:
    path = tmp_path / "f.o"
    path.write_bytes(emit_object(TEXT, records()["x86-64"]))
    return [path]


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def needed(path: Path) -> str:
    return subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("ld") is None, reason="needs ld")
def test_ld_where_there_is_no_cc(objects, tmp_path, monkeypatch):
    readelf = shutil.which("readelf")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ld").symlink_to(shutil.which("ld") or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    link_shared(objects, tmp_path / "f.so", TRIPLE)
    if readelf:
        (tmp_path / "bin" / "readelf").symlink_to(readelf)
        assert "[libm.so.6]" in needed(tmp_path / "f.so") and "[f.so]" in needed(tmp_path / "f.so")


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs the extra aot")
def test_ziglang_where_there_is_nothing_else(objects, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    link_shared(objects, tmp_path / "f.so", TRIPLE)
    assert (tmp_path / "f.so").read_bytes().startswith(b"\x7fELF")


def test_the_next_linker_is_tried_and_all_reasons_are_told(objects, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    script(tmp_path, "cc", "echo note: something >&2; echo 'ld: cannot find -lm' >&2; exit 1")
    with pytest.raises(TenonError) as caught:
        link_shared(objects, tmp_path / "f.so", TRIPLE)
    reasons = "cc: ld: cannot find -lm; ld: not found; ziglang: not found"
    hint = "install cc or ld, or tenonc's extra 'aot'"
    assert str(caught.value) == f"no linker for a shared object ({reasons}): {hint}"
    script(tmp_path, "ld", "while [ $1 != -o ]; do shift; done; echo made > $2")
    link_shared(objects, tmp_path / "f.so", TRIPLE)
    assert (tmp_path / "f.so").read_text() == "made\n"


def test_the_systems_linkers_are_not_asked_for_another_architecture(objects, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TenonError, match=r"^no linker for a shared object \(ziglang: not found\): install"):
        link_shared(objects, tmp_path / "f.so", "riscv64-unknown-linux-gnu")
