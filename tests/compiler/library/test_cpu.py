"""What a shared object finds out about the CPU before its code runs."""

from dataclasses import replace

import pytest
from llvmlite import binding

from tenonc.compiler import TenonError, compile, load, load_executable
from tenonc.targets import record as targets
from tenonc.targets.llvm import shared_object
from tenonc.targets.x86.features import _LEAVES, feature_bits

HAS = binding.get_host_cpu_features()
KNOWN = sorted({name for bits in _LEAVES.values() for name in bits if name in HAS})
LACKING = [name for name in ("amx-avx512", "sm4", "tbm", "xop") if not HAS.get(name)]


def test_code_for_another_cpu_is_refused(make_network, tmp_path, monkeypatch):
    """It would run into instructions that this one does not know."""
    assert LACKING, "no feature is left that this machine lacks"
    base = targets.records()["x86-64-v2"]
    future = replace(base, name="future", features=",".join([base.features, *(f"+{n}" for n in LACKING)]))
    monkeypatch.setitem(targets.records(), "future", future)
    path = tmp_path / "model.so"
    compile(load(make_network()), "future").write("so", path)
    with pytest.raises(TenonError) as caught:
        load_executable(path)
    missing = ", ".join(LACKING)
    assert str(caught.value) == f"{path}: code for target future cannot run here: this cpu has no {missing}"


@pytest.mark.parametrize("start", range(0, len(KNOWN), 16))
def test_every_feature_is_found_as_llvm_finds_it(built, tmp_path, monkeypatch, start: int):
    asked = KNOWN[start : start + 16]
    monkeypatch.setattr(shared_object, "_feature_rows", lambda record: feature_bits(asked))
    path = tmp_path / "model.so"
    built.exe.write("so", path)
    missing: list[str] = []
    try:
        load_executable(path)
    except TenonError as error:
        missing = str(error).partition("this cpu has no ")[2].split(", ")
    assert missing == [name for name in asked if not HAS[name]]
