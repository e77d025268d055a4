"""tenonc explain, from the command line."""

import re
from pathlib import Path

from tenonc.tools.tenonc import main

DIGITS = str(Path(__file__).parents[2] / "examples/digits/digits.onnx")


def test_it_says_what_was_chosen_and_why_others_were_not(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["explain", DIGITS, "--target", "x86-64-v3", "--kernel", "down_norm"]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert "@down_norm: down_norm" in out and out.count("@") == 1
    assert "chosen fma_8xf32" in out and "i = p2; %a broadcast, %b needs packing, %acc contiguous" in out
    assert re.search(r"also fma_4xf32(, \w+)* (2\.0|1\.)", out)
    assert "body: accumulator type: it yields i32, the operation f32" in out
    assert "fma_16xf32 feature: the target lacks avx512f" in out
    assert "accumulators in 16 registers" in out and "fits the first-level cache" in out


def test_an_unknown_kernel_is_bad_usage(capfd):
    assert main(["explain", DIGITS, "--kernel", "nothing"]) == 2
    err = capfd.readouterr().err
    assert err.startswith("error: --kernel nothing: no such kernel with a reduction, there are: ")
    assert "down_norm" in err and err.count("\n") == 1
