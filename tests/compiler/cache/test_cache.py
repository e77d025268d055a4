"""A compile that finds its result on disk: the same executable, made without a pass."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.compiler.cache import artifacts
from tenonc.compiler.cache import entry as entries
from tenonc.compiler.cache import folder as folders
from tenonc.compiler.cache import key as keys
from tenonc.compiler.cache.settings import DEFAULT_LIMIT, Settings, byte_count
from tenonc.compiler.compare import seeded_inputs
from tenonc.dialects.errors import CacheWarning, UsageError
from tenonc.targets.record import host
from tenonc.tools import tenonc

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits.onnx"
WIDTH = 48


def product(seed: int = 0):
    """relu(x @ w) with a weight matrix of its own."""
    weight = np.random.default_rng(seed).standard_normal((WIDTH, WIDTH)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["t"], name="product"),
        helper.make_node("Relu", ["t"], ["y"], name="act"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info("x", TensorProto.FLOAT, [4, WIDTH])], [info("y", TensorProto.FLOAT, [4, WIDTH])],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return compiler.load(model), weight


X = np.random.default_rng(9).standard_normal((4, WIDTH)).astype(np.float32)


def run(model, folder: Path, said: str | None = None) -> tuple[np.ndarray, bool]:
    """The output, and whether it came out of the cache; `said` is in the one warning there is to be."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exe = compiler.compile(model, cache=folder)
    messages = [str(one.message) for one in caught if issubclass(one.category, CacheWarning)]
    assert len(messages) == (said is not None), messages
    if said is not None:
        assert said in messages[0] and "\n" not in messages[0]
    return exe(X)[0], "cache" in exe.artifact.seconds


def entry_file(folder: Path) -> Path:
    (path,) = (folder / "artifacts").iterdir()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_warm_is_the_same_as_cold(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    model = compiler.load(DIGITS)
    cold = compiler.compile(model, cache=folder)
    inputs = seeded_inputs(model.inputs)
    monkeypatch.setattr("tenonc.compiler.pipeline.compile_module", None)  # no pass runs
    monkeypatch.setattr("tenonc.targets.llvm.codegen.parse", _no_llvm(monkeypatch))
    warm = compiler.compile(compiler.load(DIGITS), cache=folder)
    monkeypatch.setattr("tenonc.targets.llvm.codegen.parse", _PARSE)
    np.testing.assert_array_equal(warm(inputs)[0], cold(inputs)[0])
    assert "llvm_text" not in vars(warm.artifact) and "module" not in vars(warm.artifact)
    for kind in ("mlir", "ll", "asm", "obj"):
        assert warm.emit(kind) == cold.emit(kind), kind
    for exe in (cold, warm):
        exe.write("obj", tmp_path / "model.o")
        assert (tmp_path / "model.o").read_bytes() == cold.emit("obj")
    of = [exe.profile(seconds=0.05).sites for exe in (cold, warm)]
    assert [(s.kernel, s.nodes, s.operations, s.bytes) for s in of[0]] == [
        (s.kernel, s.nodes, s.operations, s.bytes) for s in of[1]
    ]
    assert any("fc" in s.nodes or "down" in " ".join(s.nodes) for s in of[1])
    names = list(cold.artifact._kernels)
    assert names == warm.artifact._kernels and all(warm.artifact.kernel_address(name) for name in names)


from tenonc.targets.llvm.codegen import parse as _PARSE  # noqa: E402


def _no_llvm(monkeypatch: pytest.MonkeyPatch):
    def parse(text: str):
        assert not text, "LLVM compiles in a warm compile"
        return _PARSE(text)

    return parse


def test_weights_are_mapped(folder: Path):
    model, _ = product()
    run(model, folder)
    exe = compiler.compile(model, cache=folder)
    assert not exe.artifact.weights.flags.writeable and not exe.artifact.weights.flags.owndata
    assert str(entry_file(folder)) in Path("/proc/self/maps").read_text()
    entry_file(folder).unlink()  # what is in use stays usable
    (y,) = exe(X)
    np.testing.assert_allclose(y, np.maximum(X @ product()[1], 0), rtol=1e-4, atol=1e-4)


def test_what_changes_the_key(folder: Path, monkeypatch: pytest.MonkeyPatch):
    model, _ = product()
    options = compiler.options.CompileOptions  # pyright: ignore
    seen = [keys.compile_key(model.module, options())]
    assert keys.compile_key(product()[0].module, options()) == seen[0]
    seen.append(keys.compile_key(product(1)[0].module, options()))  # another weight
    seen.append(keys.compile_key(model.module, options("x86-64-v3")))
    monkeypatch.setattr(keys, "FORMAT", 0)
    seen.append(keys.compile_key(model.module, options()))
    monkeypatch.undo()
    monkeypatch.setattr(keys, "versions", lambda: {"xdsl": "0"})
    seen.append(keys.compile_key(model.module, options()))
    monkeypatch.undo()
    monkeypatch.setattr(keys, "sources_digest", lambda: "other")
    seen.append(keys.compile_key(model.module, options()))
    monkeypatch.undo()
    record = host()
    for change in ({"l2_bytes": 1}, {"features": record.features + ",+x"}, {"cpu": "i486"}):
        other = type(record)(**{**vars(record), **change})
        monkeypatch.setattr("tenonc.targets.record.find_target", lambda name, other=other: other)
        seen.append(keys.compile_key(model.module, options()))
    assert len(set(seen)) == len(seen)


def test_an_edited_source_is_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "passes").mkdir()
    path = tmp_path / "passes" / "a.py"
    path.write_text("x = 1\n")
    os.utime(path, (1, 1))
    monkeypatch.setattr(keys, "_ROOT", tmp_path)
    keys._digest.cache_clear()
    first = keys.sources_digest(started=1000)
    path.write_text("x = 2\n")
    assert keys.sources_digest(started=1000) is None  # this process may run either
    os.utime(path, (1, 1))
    keys._digest.cache_clear()
    assert keys.sources_digest(started=1000) not in (None, first)
    keys._digest.cache_clear()


def test_a_source_edited_since_the_start_is_not_cached(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keys, "sources_digest", lambda: None)
    model, _ = product()
    said = "compiled without the cache: a source file of tenonc was changed after this process started"
    assert run(model, folder, said)[1] is False
    assert not folder.exists()


def test_a_model_without_weights(folder: Path):
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, WIDTH])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, WIDTH])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [info], [out])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for warm in (False, True):
        y, found = run(compiler.load(proto), folder)
        np.testing.assert_array_equal(y, np.maximum(X, 0))
        assert found == warm


def test_bypassed(folder: Path, tmp_path: Path):
    model, _ = product()
    compiler.compile(model, cache=folder, dump_dir=tmp_path / "ir")
    assert not folder.exists() and (tmp_path / "ir").exists()
    compiler.compile(model, cache=False)
    assert not folder.exists()


@pytest.mark.parametrize("part", ["object", "llvm", "mlir", "weights", "header", "magic"])
def test_a_corrupt_part_is_noticed_and_replaced(folder: Path, part: str):
    model, _ = product()
    want, _ = run(model, folder)
    path = entry_file(folder)
    whole = path.read_bytes()
    rng = np.random.default_rng(len(part))
    for position in rng.integers(*span(whole, part), 4):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        path.chmod(0o600)
        got, warm = run(model, folder, f"{path.name}: is")
        np.testing.assert_array_equal(got, want)
        assert not warm and path.read_bytes() == whole
    assert run(model, folder)[1]


def span(content: bytes, part: str) -> tuple[int, int]:
    """Where a part of an entry lies."""
    length = int.from_bytes(content[8:12], "little")
    if part == "magic":
        return 0, 8
    if part == "header":
        return 8, 44 + length
    offset, size, _ = json.loads(content[44 : 44 + length])["parts"][part]
    return offset, offset + size


def test_a_truncated_entry_is_noticed(folder: Path):
    model, _ = product()
    run(model, folder)
    path = entry_file(folder)
    whole = path.read_bytes()
    for size in (0, 7, 44, 300, 5000, len(whole) - 4000, len(whole) - 1):
        path.write_bytes(whole[:size])
        path.chmod(0o600)
        run(model, folder, f"{path.name}: is")
        assert path.read_bytes() == whole


def test_an_entry_of_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch):
    model, _ = product()
    with monkeypatch.context() as patched:
        patched.setattr(entries, "FORMAT", 99)
        run(model, folder)
    assert run(model, folder, "has format 99, expected 1, it is replaced")[1] is False
    assert run(model, folder)[1]


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def write(file, *rest) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(artifacts, "write_entry", write)
    model, weight = product()
    y, _ = run(model, folder, f"{folder}/artifacts: cannot be written: no space left on device")
    np.testing.assert_allclose(y, np.maximum(X @ weight, 0), rtol=1e-4, atol=1e-4)
    assert list((folder / "artifacts").iterdir()) == []


def test_a_disk_that_is_too_small(tmp_path: Path):
    where = tmp_path / "disk"
    where.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tenonc-test", str(where)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs to mount a small file system")
    try:
        run(product()[0], where, "cannot be written: no space left on device")
        assert [path.name for path in where.rglob("*")] == ["artifacts"]
    finally:
        subprocess.run(["umount", str(where)], check=True)


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Root ignores modes, so the system says no where it would to others."""
    model, _ = product()
    run(model, folder)
    open_ = os.open

    def denied(path, flags, *rest, **options):
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open_(path, flags, *rest, **options)

    monkeypatch.setattr(folders.os, "open", denied)
    monkeypatch.setattr(folders.os, "utime", lambda *a: denied("", os.O_CREAT))
    assert run(model, folder)[1]  # what is there is used
    run(product(1)[0], folder, f"{folder}/artifacts: cannot be written: permission denied")


def test_not_a_directory(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"precious")
    run(product()[0], tmp_path / "file", "file/artifacts: cannot be opened: not a directory")
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_not_trusted(folder: Path):
    model, _ = product()
    run(model, folder)
    (folder / "artifacts").chmod(0o777)
    assert run(model, folder, "artifacts: others may write to it (mode 777): it is not trusted")[1] is False


def test_an_entry_over_the_limit_is_not_kept(folder: Path):
    with pytest.warns(CacheWarning, match="are over its limit of 4,096, not kept$"):
        compiler.compile(product()[0], cache=Settings(folder, 4096))
    assert not folder.exists()


RACE = """
import sys
import numpy as np
from tenonc import compiler
from tenonc.compiler.compare import seeded_inputs
model = compiler.load(sys.argv[1])
sys.stdin.readline()
exe = compiler.compile(model, cache=sys.argv[2])
(y,) = exe(seeded_inputs(model.inputs))
print(y.tobytes().hex())
"""


def test_four_processes_race(folder: Path):
    command = [sys.executable, "-W", "error", "-c", RACE, str(DIGITS), str(folder)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    outputs = [racer.communicate("go\n")[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert len(set(outputs)) == 1 and outputs[0]
    assert entry_file(folder).suffix == ".tenon"


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENONC_CACHE", "off")
    assert Settings.of(True) is None and Settings.of(False) is None
    monkeypatch.setenv("TENONC_CACHE", str(tmp_path / "here"))
    assert Settings.of(True) == Settings(tmp_path / "here", DEFAULT_LIMIT)
    assert Settings.of(tmp_path / "there") == Settings(tmp_path / "there", DEFAULT_LIMIT)
    monkeypatch.setenv("TENONC_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings.of(True) == Settings(tmp_path / "tenonc", DEFAULT_LIMIT)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TENONC_CACHE_LIMIT", "2G")
    assert Settings.of(True) == Settings(tmp_path / ".cache" / "tenonc", 2 << 30)
    monkeypatch.setenv("TENONC_CACHE_LIMIT", "much")
    with pytest.raises(UsageError, match="^TENONC_CACHE_LIMIT: 'much' is no size, expected bytes such as 4G"):
        Settings.of(True)


def test_sizes():
    assert [byte_count(t) for t in ("0", "17", "1k", "500M", "4G", "4GiB")] == [0, 17, 1024, 500 << 20] + [
        4 << 30
    ] * 2
    for wrong in ("", "-1", "4X", "1.5G", "9" * 13):
        with pytest.raises(UsageError):
            byte_count(wrong)


def test_the_verbs(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path):
    compile_ = ["compile", str(DIGITS), "-o", str(tmp_path / "out"), "--cache", str(folder)]
    assert tenonc.main([*compile_, "--no-cache"]) == 2
    assert "error: --no-cache is given together with --cache or --cache-limit\n" == capsys.readouterr().err
    assert tenonc.main(compile_) == 0
    first = (tmp_path / "out" / "digits.o").read_bytes()
    assert tenonc.main(compile_) == 0 and (tmp_path / "out" / "digits.o").read_bytes() == first
    capsys.readouterr()
    assert tenonc.main(["cache", "show", "--cache", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "digits" in shown and f"{entry_file(folder).stat().st_size:,}" in shown
    entry_file(folder).write_bytes(b"nonsense")
    assert tenonc.main(["cache", "show", "--cache", str(folder)]) == 0
    assert "(unreadable)" in capsys.readouterr().out
    assert tenonc.main(compile_) == 0
    said = capsys.readouterr().err
    assert said.startswith("warning: compiled without the cache: ") and said.count("\n") == 1
    assert tenonc.main(["cache", "path", "--cache", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert tenonc.main(["cache", "clear", "--cache", str(folder)]) == 0
    assert "bytes removed" in capsys.readouterr().out and not list((folder / "artifacts").iterdir())
    assert tenonc.main([*compile_, "--cache-limit", "9X"]) == 2
    assert tenonc.main(["cache", "show"]) == 1
    assert "error: '9X' is no size, expected bytes such as 4G or 500M\n" in capsys.readouterr().err
