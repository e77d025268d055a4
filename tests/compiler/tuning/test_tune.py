"""Tuning for real, on the digits network and a small budget of time."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tenonc import compiler
from tenonc.compiler import tuning
from tenonc.compiler.cache.settings import Settings
from tenonc.compiler.compare import seeded_inputs
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.tuning import kept
from tenonc.compiler.tuning.kept import Found, Kept
from tenonc.compiler.tuning.kernel_module import kernel_key, schedule_text
from tenonc.compiler.tuning.space import Space
from tenonc.dialects import tensorized
from tenonc.dialects.errors import UsageError
from tenonc.tools import tenonc
from tenonc.tools.tune import show_tuned


def test_with_an_executor(digits: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tuning, "PROFILE_S", 0.05)
    model, cache = compiler.load(digits), tmp_path / "cache"
    with ThreadPoolExecutor(1) as pool:
        exe = compiler.compile(model, cache=cache, tune=0.5, executor=pool)
    looked_at = [one for one in exe.tuned if one.tried]
    assert looked_at and all(one.before >= one.after > 0 for one in looked_at if one.schedule)
    assert sum(one.share for one in exe.tuned) == pytest.approx(1, abs=0.05)
    inputs = seeded_inputs(model.inputs)
    plain = compiler.compile(model, cache=False)
    np.testing.assert_allclose(exe(inputs)[0], plain(inputs)[0], rtol=1e-4, atol=1e-6)
    show_tuned("kernels that were tuned", exe.tuned)
    shown = capsys.readouterr().out
    assert all(one.kernel in shown for one in looked_at)
    assert shown.count("by the rules") == sum(one.schedule is None for one in looked_at)


def test_a_compile_takes_what_was_found_and_is_kept_by_it(digits: Path, tmp_path: Path, alone, options):
    settings = Settings(tmp_path / "cache")
    model, store = compiler.load(digits), Kept(settings)
    plain = compiler.compile(model, options.target, cache=settings)
    space = Space(alone["block1_norm1"])
    other = next(c for c in space.candidates(None) if c.schedule != space.ruled)
    key = kernel_key(alone["block1_norm1"], options)
    assert key is not None

    def compiled(folder: Path | None = None) -> compiler.Executable:
        return compiler.compile(model, options.target, cache=settings, dump_dir=folder)

    store.save(key, Found(tried={other.schedule: 1.0}))
    assert "cache" not in compiled().artifact.seconds  # its kernels were not known when it was kept
    assert "cache" in compiled().artifact.seconds
    store.save(key, Found(schedule=other.schedule, choice=other.choice, before=2.0, after=1.0))
    tuned = compiled()
    assert "cache" not in tuned.artifact.seconds and "cache" in compiled().artifact.seconds
    assert tuned.emit("ll") != plain.emit("ll") and compiled().emit("ll") == tuned.emit("ll")
    compiled(tmp_path / "ir")
    (dump,) = (tmp_path / "ir").glob("*tuned-schedules.mlir")
    assert f"schedule {other.schedule}" in dump.read_text()
    store.save(key, Found(schedule=other.schedule, tried={"x": 1.0}))  # the search went on, nothing better
    assert "cache" in compiled().artifact.seconds


def test_what_cannot_be_read_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(tmp_path / "cache")
    store = Kept(settings)
    assert store.load("a" * 64) is None and not store.any()
    found = Found("[order [m]]", {"tile": {"m": 2}}, 2.0, 1.0, {"[order [n]]": 1.5, "[]": "died"}, True)
    store.save("a" * 64, found)
    assert store.load("a" * 64) == found
    path = tmp_path / "cache" / "tuned" / ("a" * 64)
    content = path.read_bytes()
    path.write_bytes(content[:60] + b"?" + content[61:])
    assert store.load("a" * 64) is None
    path.write_bytes(b"")
    assert store.load("a" * 64) is None
    assert kept.TunedSchedules(settings, CompileOptions()).stamp_of(["a" * 64]) == store.stamp([])


def _heed_interrupts() -> None:
    """Background jobs of a shell ignore SIGINT, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_what_was_found(digits: Path, tmp_path: Path):
    """The process group gets the signal, as from a terminal."""
    command = [
        sys.executable,
        "-m",
        "tenonc.tools.tenonc",
        "compile",
        str(digits),
        "-o",
        str(tmp_path / "out"),
    ]
    process = subprocess.Popen(
        [*command, "--cache", str(tmp_path / "cache"), "--tune", "100"],
        start_new_session=True,
        preexec_fn=_heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = tmp_path / "cache" / "tuned"
    while process.poll() is None and not (folder.exists() and any(folder.glob("[!.]*"))):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    store = Kept(Settings(tmp_path / "cache"))
    found = [store.load(path.name) for path in folder.glob("[!.]*")]
    assert found and all(one is not None and one.tried for one in found)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf", "1e9"])
def test_times_that_are_none(digits: Path, tmp_path: Path, capsys, seconds: str):
    text = f"is {float(seconds)}, expected more than 0 and at most 604800 seconds"
    assert tenonc.main(["compile", str(digits), "-o", str(tmp_path / "o"), f"--tune={seconds}"]) == 2
    assert capsys.readouterr().err == f"error: --tune {text}\n"
    with pytest.raises(UsageError, match=f"^tune {text}$".replace("+", r"\+")):
        compiler.compile(compiler.load(digits), tune=float(seconds))


def test_every_kernel_of_a_tuned_model_names_its_schedule(matched, alone):
    for kernel in tensorized.kernels(matched):
        space = Space(alone[kernel.sym_name.data])
        assert space.ruled == schedule_text(space._levels)
