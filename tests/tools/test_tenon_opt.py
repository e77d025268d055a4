"""tenon-opt: what it inherits, its error lines and exit statuses, its output files, --check-semantics."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.universe import Universe

from tenonc.dialects.errors import TenonError
from tenonc.dialects.nn import WeightStore
from tenonc.tools import tenon_opt
from tenonc.tools.universe import UNIVERSE

GOOD = """func.func @f(%x : f32) -> f32 {
  %y = arith.addf %x, %x : f32
  func.return %y : f32
}
"""
BAD_VERIFY = """func.func @f(%x : f32) -> i32 {
  func.return %x : f32
}
"""
BAD_PARSE = "func.func @f() {\n  no.such_op here\n}\n"
TENSORS = """func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32> loc("doubled")
  func.return %y : tensor<4xf32>
}
"""


@pytest.fixture
def source(tmp_path: Path):
    def write(text: str | bytes, name: str = "in.mlir") -> str:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    return write


class Fails(ModulePass):
    name = "fails"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        raise TenonError("node 'conv1': kernel is 5x5, expected at most 3x3")


@dataclass(frozen=True)
class BreaksIR(ModulePass):
    name = "breaks-ir"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for add in op.walk():
            if isinstance(add, arith.AddfOp):
                add.detach()
                return


@dataclass(frozen=True)
class SwapsAddAndMul(ModulePass):
    name = "swaps-add-and-mul"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for add in list(op.walk()):
            if isinstance(add, arith.AddfOp):
                block = add.parent_block()
                assert block is not None
                block.insert_op_before(multiply := arith.MulfOp(add.lhs, add.rhs), add)
                add.result.replace_all_uses_with(multiply.result)
                add.detach()
                add.erase()


@pytest.fixture
def more_passes(monkeypatch: pytest.MonkeyPatch):
    """Adds the wrong passes above to what the entry points announce."""
    multiverse = Universe.get_multiverse()
    passes = {pass_.name: lambda pass_=pass_: pass_ for pass_ in (Fails, BreaksIR, SwapsAddAndMul)}
    more = Universe(
        all_dialects=multiverse.all_dialects,
        all_passes=multiverse.all_passes | passes,
        all_targets=multiverse.all_targets,
    )
    monkeypatch.setattr(Universe, "get_multiverse", staticmethod(lambda: more))


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr().err
    assert captured.startswith("error: ") and captured.count("\n") == 1
    return captured.strip()


def test_dialects_passes_and_targets_of_every_universe():
    driver = tenon_opt.TenonOptMain([])
    assert UNIVERSE.all_passes.keys() | {"canonicalize", "cse"} <= driver.available_passes.keys()
    assert UNIVERSE.all_targets.keys() | {"mlir"} <= driver.available_targets.keys()
    registered = driver.ctx.registered_dialect_names
    assert UNIVERSE.all_dialects.keys() | {"linalg", "func"} <= set(registered)


def test_no_target_of_ours_is_shadowed_by_xdsls():
    driver = tenon_opt.TenonOptMain([])
    for name, factory in tenon_opt.TARGETS.items():
        assert driver.available_targets[name] is factory


def test_a_name_that_xdsl_has_already_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(UNIVERSE.all_passes, "canonicalize", lambda: Fails)
    with pytest.raises(ValueError, match="Duplicate definition of canonicalize"):
        tenon_opt.TenonOptMain([])


def test_stock_xdsl_opt_sees_ours():
    run = subprocess.run(
        [sys.executable, "-m", "xdsl.tools.xdsl_opt", "--help"], capture_output=True, text=True, check=True
    )
    text = "".join(run.stdout.split())
    for name in (*UNIVERSE.all_passes, *UNIVERSE.all_targets):
        assert name in text


def test_prints_the_module(source, capsys: pytest.CaptureFixture[str]):
    assert tenon_opt.main([source(GOOD), "-p", "canonicalize"]) == 0
    assert "arith.addf %x, %x : f32" in capsys.readouterr().out


def test_split_input_file(source, capsys: pytest.CaptureFixture[str]):
    path = source(GOOD + "// -----\n" + GOOD.replace("@f", "@g"))
    assert tenon_opt.main([path, "--split-input-file"]) == 0
    out = capsys.readouterr().out
    assert out.index("@f") < out.index("// -----") < out.index("@g")


@pytest.mark.parametrize("args", [[], ["-p", "canonicalize"]])
def test_verify_diagnostics(source, capsys: pytest.CaptureFixture[str], args: list[str]):
    path = source(BAD_VERIFY + "// -----\n" + GOOD)
    assert tenon_opt.main([path, "--split-input-file", "--verify-diagnostics", *args]) == 0
    out = capsys.readouterr().out
    assert "Expected arguments to have the same types as the function output types" in out
    assert "arith.addf" in out


def test_an_op_that_does_not_verify_is_named_once(source, capsys: pytest.CaptureFixture[str]):
    text = """func.func @f(%x: tensor<2xf32>, %z: tensor<ui8>) {
      %s = nn.constant dense<0.0> : tensor<f32>
      %q = qnn.quantize(%x, %s, %z) axis 0 block 0 rounding half_even nan lowest range [0, 255]
        : (tensor<2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2xui8> loc("first")
      func.return
    }"""
    assert tenon_opt.main([source(text)]) == 1
    line = "error: 'first': qnn.quantize: scale is 0.0, expected a finite number above 0"
    assert capsys.readouterr().err.strip() == line


def test_verify_diagnostics_show_a_pass_error(source, capsys: pytest.CaptureFixture[str], more_passes: None):
    assert tenon_opt.main([source(GOOD), "--verify-diagnostics", "-p", "fails"]) == 0
    assert "node 'conv1': kernel is 5x5" in capsys.readouterr().out


def test_parse_error_names_the_place(source, capsys: pytest.CaptureFixture[str]):
    path = source(GOOD + "// -----\n" + BAD_PARSE)
    assert tenon_opt.main([path, "--split-input-file"]) == 1
    assert f"{path}:7:" in error_line(capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BAD_PARSE, ":2:14: operation no.such_op is not registered"),
        (BAD_VERIFY, "func.return: expected arguments to have the same types"),
        (GOOD[:40], ":2:"),
        (bytes(range(256)), "cannot be parsed"),
        ("{" * 40 + "module", ":1:1"),
    ],
)
def test_bad_input_is_one_line(source, capsys: pytest.CaptureFixture[str], text: str | bytes, message: str):
    assert tenon_opt.main([source(text)]) == 1
    assert message in error_line(capsys)


def test_pass_errors_are_one_line(source, capsys: pytest.CaptureFixture[str], more_passes: None):
    assert tenon_opt.main([source(GOOD), "-p", "fails"]) == 1
    assert error_line(capsys) == "error: node 'conv1': kernel is 5x5, expected at most 3x3"
    assert tenon_opt.main([source(GOOD), "-p", "breaks-ir"]) == 1
    assert "after pass 'breaks-ir': " in error_line(capsys)


def test_debug_shows_the_traceback(source):
    with pytest.raises(TenonError, match="func.return"):
        tenon_opt.main([source(BAD_VERIFY), "--debug"])


@pytest.mark.parametrize("pipeline", ["no-such-pass", "canonicalize{a", "canonicalize{no-option=1}"])
def test_a_bad_pipeline_is_bad_usage(source, capsys: pytest.CaptureFixture[str], pipeline: str):
    assert tenon_opt.main([source(GOOD), "-p", pipeline]) == 2
    assert f"pass pipeline '{pipeline}': " in error_line(capsys)


def test_missing_and_foreign_files(source, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert tenon_opt.main([str(tmp_path / "none.mlir")]) == 1
    assert error_line(capsys).endswith("none.mlir: no such file or directory")
    assert tenon_opt.main([source("", "x.toml")]) == 2
    assert "unrecognized file extension 'toml'" in error_line(capsys)


def test_output_appears_whole_or_not_at_all(source, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    out = tmp_path / "out.mlir"
    out.write_text("before")
    assert tenon_opt.main([source(BAD_VERIFY), "-o", str(out)]) == 1
    assert out.read_text() == "before"
    assert tenon_opt.main([source(GOOD), "-o", str(out)]) == 0
    assert "arith.addf" in out.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"in.mlir", "out.mlir"}


def test_check_semantics_accepts_a_sound_pipeline(source, capsys: pytest.CaptureFixture[str]):
    assert tenon_opt.main([source(TENSORS), "-p", "canonicalize,cse", "--check-semantics"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and "linalg.generic" in captured.out


def test_check_semantics_names_the_wrong_pass(source, capsys: pytest.CaptureFixture[str], more_passes: None):
    args = [source(TENSORS), "-p", "canonicalize,swaps-add-and-mul", "--check-semantics"]
    assert tenon_opt.main(args) == 1
    assert "pass 'swaps-add-and-mul': @f result 0: max error" in error_line(capsys)


def test_check_semantics_reads_weights_and_stands_in_for_missing_ones(
    source, tmp_path: Path, capsys: pytest.CaptureFixture[str], more_passes: None
):
    store = WeightStore()
    negative = store.put(np.full(4, -1, np.float32))
    store.save(tmp_path / "w.safetensors")
    # The square root of the stored weight is NaN, that of a stand-in (a variance, maybe) is not.
    text = f"""func.func @f() -> tensor<4xf32> {{
      %w = nn.constant {negative}
      %r = nn.elementwise sqrt(%w) : (tensor<4xf32>) -> tensor<4xf32>
      func.return %r : tensor<4xf32>
    }}"""
    assert tenon_opt.main([source(text), "--check-semantics"]) == 0
    assert capsys.readouterr().err == ""
    weights = str(tmp_path / "w.safetensors")
    assert tenon_opt.main([source(text), "--check-semantics", "--weights", weights]) == 0
    assert "@f result 0 is all NaN" in capsys.readouterr().err


def test_check_semantics_refuses_weights_that_are_none(source, capsys: pytest.CaptureFixture[str]):
    weights = source("nothing", "w.safetensors")
    assert tenon_opt.main([source(GOOD), "--check-semantics", "--weights", weights]) == 1
    assert "not a readable weight file" in error_line(capsys)


def test_every_target_answers_to_its_name(source, capsys: pytest.CaptureFixture[str]):
    """Also under the names that the stock xdsl-opt knows."""
    for target in ("llvm", "tenon-llvm"):
        assert tenon_opt.main([source("builtin.module {}"), "-t", target]) == 0
        assert "attributes #0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyError("a"), 70, "internal error: KeyError: 'a'"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "error: not enough memory"),
    ],
)
def test_what_no_pass_should_raise(source, capsys, monkeypatch, error, status, line):
    class Raises(ModulePass):
        name = "raises"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            raise error

    monkeypatch.setitem(UNIVERSE.all_passes, "raises", lambda: Raises)
    assert tenon_opt.main([source(GOOD), "-p", "raises"]) == status
    assert capsys.readouterr().err == line + "\n"


MODEL = """func.func @main(%x : tensor<2x4xf32>, %w : tensor<4x8xf32>) -> tensor<2x8xf32> {
  %y = nn.matmul(%x, %w) : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  func.return %y : tensor<2x8xf32>
}
"""


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("tensorize-match", "the module has no tenon.target: run attach-target first"),
        ("schedule-kernels", "the module has no tenon.target: run attach-target first"),
        ("plan-memory", "plan-memory: nn.matmul in @main is neither a kernel call nor known at compile time"),
        (
            "lower-nn,assign-layouts,fuse-kernels,lower-kernels",
            "lower-kernels: @linalg_generic: has no schedule",
        ),
    ],
)
def test_a_pass_too_early_says_what_is_missing(source, capsys, pipeline, message):
    assert tenon_opt.main([source(MODEL), "-p", pipeline]) == 1
    assert error_line(capsys) == f"error: {message}"


def test_a_module_too_early_for_its_target(source, capsys: pytest.CaptureFixture[str]):
    assert tenon_opt.main([source(MODEL), "-t", "llvm"]) == 1
    assert error_line(capsys) == "error: function @main is not on memrefs: run plan-memory first"


STAGES = (
    "lower-nn",
    "assign-layouts",
    "fuse-kernels",
    "collapse-loops",
    "attach-target{name=x86-64}",
    "tensorize-match",
    "schedule-kernels",
    "plan-memory",
    "materialize-weights",
    "lower-kernels",
)


@pytest.mark.parametrize("twice", range(len(STAGES)))
def test_a_pass_run_twice_changes_nothing_more(source, capsys, twice):
    def text(stages) -> str:
        assert tenon_opt.main([source(MODEL), "-p", ",".join(stages)]) == 0
        return capsys.readouterr().out

    so_far = STAGES[: twice + 1]
    assert text([*so_far, STAGES[twice]]) == text(so_far)
