"""The command line's checks: one line and an exit status for every mistake, nothing half written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.tools import tenonc


@pytest.fixture
def model(tmp_path):
    """x [N, 2] -> y = relu(x), as a file."""
    node = helper.make_node("Relu", ["x"], ["y"], name="act")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "g", [info("x", TensorProto.FLOAT, ["N", 2])], [info("y", TensorProto.FLOAT, ["N", 2])]
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def fails(capsys, status: int, *argv: object) -> str:
    """The one line on stderr of a command line that fails with `status`."""
    assert tenonc.main([str(arg) for arg in argv]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


def test_missing_model(capsys, tmp_path):
    path = tmp_path / "none.onnx"
    assert fails(capsys, 1, "compile", path, "-o", tmp_path / "out") == f"{path}: no such file"
    assert not (tmp_path / "out").exists()


def test_random_bytes(capsys, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(bytes(range(256)))
    assert fails(capsys, 1, "run", path) == f"{path}: is not an ONNX model, or is truncated"


def test_unresolved_dimension(capsys, model, tmp_path):
    line = fails(capsys, 1, "compile", model, "-o", tmp_path / "out")
    assert (
        line == "input 'x': dimension 0 ('N') is symbolic: give it (--dim N=1) or the shape (--shape x=1,...)"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--shape", "x"], "--shape 'x' is not name=value, for example --shape x=1,3,224,224"),
        (["--shape", "x=1,b"], "--shape 'x=1,b': '1,b' is wrong, for example --shape x=1,3,224,224"),
        (["--shape", "x=-1,2"], "--shape 'x=-1,2': '-1,2' is wrong, for example --shape x=1,3,224,224"),
        (["--dim", "N=1", "--dim", "N=2"], "--dim gives 'N' twice"),
        (["--dim", "M=1"], "dimension 'M' is given, the model's symbolic dimensions are: N"),
        (["--shape", "z=1,2"], "a shape is given for 'z', the model's inputs are: x"),
        (["--constant", "x"], "--constant 'x' is not name=value, for example --constant shape=shape.npy"),
        (["--dim=N=1", "--emit", "mlir,exe"], "'exe' is unknown, expected some of mlir,ll,asm,obj,so,onnx"),
    ],
)
def test_wrong_options(capsys, model, tmp_path, options, text):
    assert fails(capsys, 2, "compile", model, "-o", tmp_path / "out", *options) == text


def test_constant_input(capsys, model, tmp_path):
    np.save(tmp_path / "x.npy", np.array([[-1, 3]], np.float32))
    bound = f"x={tmp_path / 'x.npy'}"
    assert tenonc.main(["run", str(model), "--constant", bound, "-o", str(tmp_path / "y.npz")]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npz")["y"], [[0, 3]])
    line = fails(capsys_cleared(capsys), 2, "run", model, "--constant", bound.replace("x=", "z="))
    assert line == "a constant is given for 'z', the model's inputs are: x"


def test_onnx_with_everything_bound(model, tmp_path):
    out = tmp_path / "out"
    assert tenonc.main(["compile", str(model), "--dim", "N=3", "--emit", "onnx", "-o", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["m.onnx"]
    written = onnx.load(out / "m.onnx")
    assert [d.dim_value for d in written.graph.input[0].type.tensor_type.shape.dim] == [3, 2]


def capsys_cleared(capsys):
    capsys.readouterr()
    return capsys


def test_unwritable_output(capsys, model, tmp_path):
    """The output folder would lie below a file."""
    line = fails(capsys, 1, "compile", model, "--dim", "N=1", "-o", model / "out")
    assert line == f"{model / 'out'}: cannot be written: {model} is not a directory"


@pytest.fixture
def array(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.array([[-1, 2]], np.float32))
    return path


def test_inputs_must_be_complete(capsys, model, array):
    for option in ([], ["--input", f"q={array}"]):
        line = fails(capsys, 2, "run", model, "--dim", "N=1", *option)
        assert line == "--input must give each input of the model once: x: 1x2 float32"


def test_array_files(capsys, model, tmp_path, array):
    def line_for(path) -> str:
        return fails(capsys, 1, "run", model, "--dim", "N=1", "--input", f"x={path}")

    missing, text = tmp_path / "none.npy", tmp_path / "text.npy"
    text.write_text("hello")
    archive, pickled = tmp_path / "a.npz", tmp_path / "p.npy"
    np.savez(archive, x=np.zeros(2))
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    huge, evil = tmp_path / "huge.npy", tmp_path / "evil.npy"
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)}
    with huge.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    call = b"{'descr': __import__('os').mkdir('pwned'), 'shape': (1,), 'fortran_order': False}"
    evil.write_bytes(b"\x93NUMPY\x01\x00\x60\x00" + call.ljust(0x60))
    assert line_for(missing) == f"input 'x': {missing}: no such file"
    assert line_for(tmp_path) == f"input 'x': {tmp_path}: cannot be read: is a directory"
    assert line_for(text) == f"input 'x': {text}: is not an .npy file of plain numbers, or is truncated"
    plain = "is not an .npy file of plain numbers, or is truncated"
    for path in (huge, evil):
        assert line_for(path) == f"input 'x': {path}: {plain}"
    assert not Path("pwned").exists()
    assert line_for(pickled) == f"input 'x': {pickled}: is not an .npy file of plain numbers, or is truncated"
    assert line_for(archive) == f"input 'x': {archive}: is an archive, expected one array in an .npy file"


def test_debug_shows_the_traceback(capsys, tmp_path):
    assert tenonc.main(["run", str(tmp_path / "none.onnx"), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "the following arguments are required: VERB, see tenonc --help"),
        (["compile"], "the following arguments are required: model, see tenonc compile --help"),
        (["compile", "m.onnx", "--bogus"], "unrecognized arguments: --bogus, see tenonc --help"),
        (
            ["compile", "--tune", "x", "m.onnx"],
            "argument --tune: invalid float value: 'x', see tenonc compile --help",
        ),
        (["cache", "show", "more"], "unrecognized arguments: more, see tenonc --help"),
    ],
)
def test_usage(capsys, argv, text):
    assert tenonc.main(argv) == 2
    assert capsys.readouterr().err == f"error: {text}\n"


def test_an_unknown_verb(capsys):
    assert tenonc.main(["frobnicate"]) == 2
    assert capsys.readouterr().err.startswith(
        "error: argument VERB: invalid choice: 'frobnicate' (choose from "
    )


@pytest.mark.parametrize("verb", ["compile", "run"])
def test_help_has_an_example(capsys, verb):
    with pytest.raises(SystemExit) as caught:
        tenonc.main([verb, "--help"])
    assert caught.value.code == 0
    assert f"example:\n  tenonc {verb} model.onnx" in capsys.readouterr().out


def test_internal_errors_and_interrupts_are_one_line(capsys, monkeypatch, tmp_path):
    from tenonc.tools import verbs

    for error, status, line in (
        (KeyError("a\nb"), 70, "internal error: KeyError: 'a\\nb'"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "error: not enough memory"),
        (OSError(36, "File name too long", "m.onnx"), 1, "error: m.onnx: file name too long"),
        (OSError("no file"), 70, "internal error: OSError: no file"),
    ):

        def fail(arguments, error=error):
            raise error

        monkeypatch.setattr(verbs, "run_model", fail)
        assert tenonc.main(["run", "m.onnx"]) == status
        assert capsys.readouterr().err == line + "\n"


def test_closed_pipe_is_silent():
    """`tenonc run --help | head -0`: no traceback when nobody reads."""
    command = [sys.executable, "-m", "tenonc.tools.tenonc", "run", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.wait()
    assert errors == ""


def test_ctrl_c_is_one_line(tmp_path):
    """The model comes through a pipe nobody fills: so the interrupt meets a command at work."""
    os.mkfifo(tmp_path / "m.onnx")
    command = [
        sys.executable,
        "-m",
        "tenonc.tools.tenonc",
        "compile",
        tmp_path / "m.onnx",
        "-o",
        tmp_path / "o",
    ]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with (tmp_path / "m.onnx").open("wb"):  # returns once the command has opened its end
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert not (tmp_path / "o").exists()
