"""`tenonc soak` runs, and sees a wrong output, a leak and a process that dies."""

import json
import mmap
from pathlib import Path

import numpy as np
import pytest

from tenonc.tools import soak, soak_run, tenonc
from tenonc.tools.soak_run import Processes, Record, Sliced, Threads

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"


def test_a_short_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "soak.json"
    command = ["soak", str(DIGITS), "--seconds", "1", "--callers", "2", "--processes", "2"]
    assert tenonc.main([*command, "--json", str(path), "--cache", str(tmp_path / "cache")]) == 0
    threads, *processes = json.loads(path.read_text())
    assert threads["calls"] > 10 and 2 <= len(threads["resident"]) <= 8
    assert len(processes) == 2 and all(p["compiles"] for p in processes)
    assert not any(r["failures"] or r["leaks"] for r in (threads, *processes))
    assert "process 2" in capsys.readouterr().out


class Flaky:
    """An executable whose tenth output is wrong."""

    def __init__(self):
        from tenonc.compiler import Port

        self.inputs, self.calls = (Port("x", (2,), np.dtype(np.float32)),), 0

    def __call__(self, inputs):
        self.calls += 1
        if self.calls == 20:
            raise ValueError("no more")
        return (inputs["x"] + (self.calls == 10),)


def test_a_wrong_output_is_seen():
    threads = Threads(Flaky(), 2)
    while threads.record.calls < 50:
        pass
    threads.stop()
    failures = sorted(threads.record.failures)
    assert len(failures) == 2
    assert failures[0] == "ValueError: no more" and failures[1].endswith("changed")


def test_processes_must_agree():
    found = Processes()
    for process, digest in ((10, "a"), (11, "a"), (11, "b")):
        found.add(Sliced(process, 1, 1, 0, 100, {("host", 0): {digest}}, []))
    assert [r.failures for r in found.records.values()] == [[], ["output of input 0 on host changed"]]
    assert [r.calls for r in found.records.values()] == [1, 2]


def test_growth_is_a_leak():
    mib = 1 << 20
    flat = Record("flat", resident=[(100 + i % 3) * mib for i in range(40)])
    warming = Record("warming", resident=[min(100 + 20 * i, 200) * mib for i in range(40)])
    leaking = Record("leaking", resident=[(100 + i) * mib for i in range(40)])
    assert [r.leaks() for r in (flat, warming, leaking)] == [False, False, True]
    assert leaking.growth() == 20 * mib


def test_failures_are_the_exit_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    records = [Record("threads", 5, resident=[1], failures=["output of input 0 changed"])]
    monkeypatch.setattr(soak, "_run", lambda arguments: records)
    assert tenonc.main(["soak", str(DIGITS)]) == 1
    assert capsys.readouterr().err == "error: threads: 1 failures, first: output of input 0 changed\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--seconds", "0"], "--seconds is 0.0, expected more than 0 and at most 604800"),
        (["--callers", "0"], "--callers is 0, expected at least 1"),
        (["--threads", "0"], "threads is 0, expected 1 to 64"),
        (["--processes", "-1"], "--processes is -1, expected at least 0"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], options: list[str], text: str):
    assert tenonc.main(["soak", str(DIGITS), *options]) == 2
    assert capsys.readouterr().err == f"error: {text}\n"


def test_what_a_process_holds(tmp_path: Path):
    before, size = soak_run.held_bytes(), 64 << 20
    held = np.ones(size, np.uint8)  # more than malloc ever keeps: memory of its own
    assert soak_run.held_bytes() - before > size * 3 // 4
    del held
    assert soak_run.held_bytes() - before < size // 4
    for name, counted in (("some.tenon", size), ("some.so", 0)):  # one is a cache entry
        with (tmp_path / name).open("w+b") as file:
            file.truncate(size)
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ):
                assert abs(soak_run.held_bytes() - before - counted) < size // 4


def test_processes_compile_as_the_command_line_says():
    command = tenonc.build_parser().parse_args(["soak", str(DIGITS), "--precision", "bf16", "--threads", "2"])
    own, other = soak_run.ready(command).options
    assert (own.precision, own.threads) == (other.precision, other.threads) == ("bf16", 2)
    assert own.target == "host" != other.target
