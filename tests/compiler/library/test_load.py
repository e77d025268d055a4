"""Shared objects loaded into Python: the same results, many threads, files that are no such libraries."""

import os
import shutil
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from tenonc.compiler import TenonError, compile, load, load_executable


def refusal(path: Path, **options) -> str:
    """Why `load_executable` refuses a file, in one line, without the file's name."""
    with pytest.raises(TenonError) as caught:
        load_executable(path, **options)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line.removeprefix(f"{path}: ")


@pytest.mark.parametrize("where", ["inside", "external"])
def test_the_same_bits_as_in_memory(built, where: str):
    exe = load_executable(getattr(built, where))
    assert exe.inputs == built.exe.inputs and exe.outputs == built.exe.outputs
    for seed in range(3):
        for found, expected in zip(exe(*built.inputs(seed)), built.exe(*built.inputs(seed)), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_files_appear_together(built):
    assert sorted(p.name for p in built.folder.iterdir()) == ["external", "model.h", "model.so"]
    assert sorted(p.name for p in built.external.parent.iterdir()) == ["model.h", "model.so", "model.weights"]
    with pytest.raises(TenonError, match=r"model: a shared object needs a file name that ends in \.so$"):
        built.exe.write("so", built.folder / "model")
    with pytest.raises(TenonError, match="^weights is 'outside', expected one of inside, external$"):
        built.exe.write("so", built.folder / "model.so", weights="outside")
    with pytest.raises(TenonError, match="^name '--' has no letter or digit for the names in C, give one$"):
        built.exe.write("so", built.folder / "--.so")


def test_a_loaded_model_runs_and_nothing_else(built):
    exe = load_executable(built.inside)
    with pytest.raises(TenonError, match="is compiled already, 'll' cannot be made of it$"):
        exe.emit("ll")
    with pytest.raises(TenonError, match="^only what `compile` has made of a model can become"):
        exe.write("so", built.folder / "again.so")


def test_calls_from_several_threads(built):
    exe = load_executable(built.inside)
    expected = [built.exe(*built.inputs(seed)) for seed in range(8)]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for _ in range(50):
            found = exe(*built.inputs(seed))
            if not all(np.array_equal(a, b) for a, b in zip(found, expected[seed], strict=True)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("where", ["inside", "external"])
def test_loading_again_and_again_takes_no_memory(built, tmp_path, where: str):
    """A copy, which no other test has in memory."""
    folder = shutil.copytree(getattr(built, where).parent, tmp_path / "copy")

    def rounds(count: int) -> int:
        for _ in range(count):
            load_executable(folder / "model.so")(*built.inputs())
        return resident_bytes()

    before = rounds(50)
    assert rounds(300) - before < 1 << 20
    assert str(folder) not in Path("/proc/self/maps").read_text()


def test_a_file_that_is_written_again_is_another_model(built, make_network, tmp_path):
    path = tmp_path / "model.so"
    other = compile(load(make_network(1)))
    kept = []
    for exe in (built.exe, other, built.exe):
        exe.write("so", path)
        kept.append(load_executable(path))  # those before it stay in use
        np.testing.assert_array_equal(kept[-1](*built.inputs())[0], exe(*built.inputs())[0])


def test_files_that_are_cut_off(built, tmp_path):
    whole = built.inside.read_bytes()
    path = tmp_path / "cut.so"
    for length in [*range(0, 1200, 7), *range(1200, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:length])
        line = refusal(path)
        assert line.startswith("is cut off: ") or line == "is not a shared object, or is cut off", length


@pytest.mark.parametrize("where", ["inside", "external"])
def test_files_with_a_bit_that_is_wrong(built, tmp_path, where: str):
    """Anywhere: in what the system's loader reads, in code, in tables, in the weights."""
    whole = getattr(built, where).read_bytes()
    path = tmp_path / "model.so"
    shutil.copy(built.external.with_suffix(".weights"), tmp_path)
    places = np.random.default_rng(0).integers(0, len(whole), 150)
    for at in [*range(0, 64, 5), *places.tolist()]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        refusal(path)
    weights = whole.find(built.exe.artifact.weights.tobytes())
    if where == "inside":
        damaged = bytearray(whole)
        damaged[weights + 100] ^= 1
        path.write_bytes(damaged)
        assert refusal(path).startswith("the weights inside the library are damaged: the checksum is ")
    else:
        assert weights < 0


def test_files_that_are_something_else(built, tmp_path):
    path = tmp_path / "x.so"
    assert refusal(path) == "no such file"
    assert refusal(tmp_path) == "is not a file"
    path.write_bytes(b"#!/bin/sh\n" * 100)
    assert refusal(path) == "is not a shared object, or is cut off"
    built.exe.write("obj", path)
    assert refusal(path) == "is not a shared object"
    library = next(line.split()[-1] for line in Path("/proc/self/maps").open() if "libc.so" in line)
    shutil.copy(library, path)
    assert refusal(path) == "was not made by tenonc"
    damaged = bytearray(built.inside.read_bytes())
    struct.pack_into("<H", damaged, 0x12, 183)
    path.write_bytes(damaged)
    assert refusal(path) == "is for aarch64, this machine is x86_64"


def test_another_version_of_the_interface(built, tmp_path):
    path = tmp_path / "x.so"
    data = built.inside.read_bytes()
    at = data.index(b"Tenon\0\0\0") + 8
    path.write_bytes(data[:at] + struct.pack("<I", 7) + data[at + 4 :])
    assert refusal(path) == "has version 7 of the interface, expected 1"


@pytest.fixture
def beside(built, tmp_path):
    """A copy of the model whose weights lie beside it; they are its to spoil."""
    for name in ("model.so", "model.weights"):
        shutil.copy(built.external.parent / name, tmp_path)
    return tmp_path / "model.so"


def test_weights_beside(built, beside, tmp_path, make_network):
    file = beside.with_suffix(".weights")
    data = file.read_bytes()

    def line_for(content: bytes) -> str:
        file.write_bytes(content)
        return refusal(beside).removeprefix(f"weights '{file}': ")

    assert line_for(b"") == "is no weights file of tenonc, or is cut off"
    assert line_for(data[:63]) == "is no weights file of tenonc, or is cut off"
    assert line_for(b"x" * len(data)) == "is no weights file of tenonc, or is cut off"
    for length in (64, 65, len(data) - 1):
        assert line_for(data[:length]) == f"{length} bytes, expected {len(data)}"
    assert line_for(data + b"\0") == f"{len(data) + 1} bytes, expected {len(data)}"
    assert line_for(data[:8] + b"\2" + data[9:]) == "version 2 of the format, expected 1"
    flipped = bytearray(data)
    for at in (64, 64 + len(data) // 2, len(data) - 1):
        flipped[at] ^= 128
        assert line_for(bytes(flipped)).startswith("damaged: the checksum is ")
        flipped[at] ^= 128
    other = compile(load(make_network(1)))
    other.write("so", tmp_path / "other.so", weights="external")
    line = line_for((tmp_path / "other.weights").read_bytes())
    assert line.startswith("are those of another model: checksum ")
    file.unlink()
    assert refusal(beside) == f"weights '{file}': cannot be opened: No such file or directory"
    file.mkdir()
    assert refusal(beside) == f"weights '{file}': cannot be read: Is a directory"
    os.mkfifo(tmp_path / "pipe")
    assert refusal(beside, weights=tmp_path / "pipe").endswith("cannot be read: Illegal seek")


def test_weights_elsewhere(built, beside, tmp_path):
    moved = tmp_path / "elsewhere"
    beside.with_suffix(".weights").rename(moved)
    found = load_executable(beside, weights=moved)(*built.inputs())
    np.testing.assert_array_equal(found[0], built.exe(*built.inputs())[0])
    line = refusal(built.inside, weights=moved)
    assert line == f"weights '{moved}': a path is given, but the model has its weights inside"


def test_threads(built):
    for threads in (0, -1, 65):
        with pytest.raises(TenonError, match=f"^threads is {threads}, expected 1 to 64$"):
            load_executable(built.inside, threads=threads)
