"""`tenonc prune`: the files it writes, and that nothing is written where anything is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from tenonc.compiler import load, run_reference
from tenonc.tools import tenonc

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"


def error(capsys: pytest.CaptureFixture[str], folder: Path, status: int, *argv: object) -> str:
    """The one error line of `tenonc prune digits.onnx ...`, which writes nothing."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert tenonc.main(["prune", str(DIGITS), *map(str, argv)]) == status
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n").replace(f"{folder}/", "")


def test_half_of_the_channels(capsys, tmp_path: Path):
    path, masks = tmp_path / "small.onnx", tmp_path / "masks.json"
    data = np.random.default_rng(0).random((4, 1, 8, 8), np.float32)
    np.savez(tmp_path / "d.npz", image=data)
    command = ["prune", str(DIGITS), "--score", "attention", "--data", str(tmp_path / "d.npz")]
    assert tenonc.main([*command, "-o", str(path), "--save-masks", str(masks)]) == 0
    shown = capsys.readouterr().out.split()
    at = shown.index("down")
    assert shown[at : at + 3] == ["down", "32", "16"] and "28,698" in shown
    removed = json.loads(masks.read_text())["removed"]
    assert {name: len(channels) for name, channels in removed.items()} == {
        "stem": 8, "block1.conv1": 8, "down": 16, "block2.conv1": 16
    }  # fmt: skip
    again = tmp_path / "again.onnx"
    assert tenonc.main(["prune", str(DIGITS), "--masks", str(masks), "-o", str(again)]) == 0
    assert again.stat().st_size == pytest.approx(path.stat().st_size, rel=0.02)
    found = [run_reference(load(file), {"image": data[:1]})["probabilities"] for file in (path, again)]
    assert np.array_equal(*found)


def test_mlir_with_its_weights(capsys, tmp_path: Path):
    from tenonc.compiler import prune, save_onnx
    from tenonc.tools import tenon_opt

    path = tmp_path / "small.mlir"
    assert tenonc.main(["prune", str(DIGITS), "--ratio", "0.25", "-o", str(path)]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["small.mlir", "small.safetensors"]
    capsys.readouterr()
    command = [str(path), "-p", "fold-batch-norm", "--weights", str(path.with_suffix(".safetensors"))]
    assert tenon_opt.main([*command, "--check-semantics"]) == 0
    text = path.read_text()
    assert "prune.log" in text and "tensor<12x1x3x3xf32>" in text
    save_onnx(prune(load(DIGITS), 0.25), tmp_path / "small.onnx")
    assert (tmp_path / "small.onnx").stat().st_size < DIGITS.stat().st_size * 0.65


def test_verify(capsys, monkeypatch, tmp_path: Path):
    """In f64 there is rounding alone; what is not the same is an error, and nothing is written."""
    from tenonc.compiler.pruning import fold

    assert tenonc.main(["prune", str(DIGITS), "--ratio", "0.3", "--verify"]) == 0
    shown = capsys.readouterr().out.split()
    exact, native = (float(shown[shown.index(word) + 1]) for word in ("f64", "native"))
    assert exact < 1e-14 and native < 1e-6
    keep = fold.ConstantRunner.evaluate
    monkeypatch.setattr(fold.ConstantRunner, "evaluate", lambda self, value: keep(self, value) * 1.001)
    found = error(capsys, tmp_path, 1, "--ratio", "0.3", "--verify", "-o", tmp_path / "s.onnx")
    assert found.startswith("pruned: in the interpreter outputs differ by ")


def test_report(capsys, tmp_path: Path):
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    assert tenonc.main(["prune", str(DIGITS), "--ratio", "0.25", "--report", str(data)]) == 0
    report = json.loads(data.read_text())
    groups = {group["name"]: group for group in report["groups"]}
    assert (groups["stem"]["extent"], len(groups["stem"]["removed"])) == (16, 4)
    order = np.argsort(groups["stem"]["scores"])
    assert sorted(order[:4]) == groups["stem"]["removed"]
    layers = {layer["name"]: layer for layer in report["layers"]}
    assert (layers["down"]["weights"], layers["down"]["weights_left"]) == ([32, 16, 3, 3], [24, 12, 3, 3])
    assert sum(layer["multiplications_left"] for layer in report["layers"]) == report["multiplications"][1]
    assert tenonc.main(["prune", str(DIGITS), "--ratio", "0.25", "--report", str(page)]) == 0
    text = page.read_text()
    assert text.count("<svg") == 4 and "softmax" in text and "32 x 16 x 3 x 3" in text
    capsys.readouterr()
    assert error(capsys, tmp_path, 2, "--report", tmp_path / "r.txt").endswith("expected .html or .json")


def test_rounded_and_single_ratios(capsys, tmp_path: Path):
    command = ["prune", str(DIGITS), "--round", "lanes", "--target", "x86-64-v4", "--only", "stem=0"]
    assert tenonc.main([*command, "-o", str(tmp_path / "s.onnx")]) == 0
    shown = capsys.readouterr().out.split()
    assert [shown[shown.index(name) + 2] for name in ("stem", "block1.conv1", "down")] == ["16", "16", "16"]


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            {"image": np.zeros((2, 1, 8, 9), np.float32)},
            "input 'image': shape is [2, 1, 8, 9], expected [N, 1, 8, 8]",
        ),
        (
            {"image": np.full((2, 1, 8, 8), np.nan, np.float32)},
            "input 'image': holds NaN, expected finite numbers",
        ),
        (
            {"image": np.zeros((0, 1, 8, 8), np.float32)},
            "input 'image': 0 samples, expected at least 1, one batch",
        ),
        ({}, "there is no array for input image: 1x1x8x8 float32"),
        ({"x": np.zeros(1)}, "no input 'x', the model's inputs are: image"),
    ],
)
def test_bad_data(arrays, expected, capsys, tmp_path: Path):
    np.savez(tmp_path / "d.npz", **arrays)
    argv = ("--score", "attention", "--data", tmp_path / "d.npz", "-o", tmp_path / "s.onnx")
    assert error(capsys, tmp_path, 1, *argv) == f"calibration data: {expected}"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("--ratio 1", "ratio is 1.0, expected a number from 0 to below 1"),
        ("--ratio -0.5", "ratio is -0.5, expected a number from 0 to below 1"),
        ("--ratio nan", "ratio is nan, expected a number from 0 to below 1"),
        ("--only stem=2", "the ratio of 'stem' is 2.0, expected a number from 0 to below 1"),
        (
            "--only sten=0.5",
            "ratios has 'sten=0.5', expected group=ratio with one of the groups stem, block1.conv1",
        ),
        ("--round 0", "--round is '0', expected a number from 1 or lanes"),
        ("--round half", "--round is 'half', expected a number from 1 or lanes"),
        ("--power -1", "power is -1.0, expected a number above 0 and below 100"),
        ("--seed -1", "seed is -1, expected at least 0"),
        ("--threshold nan", "threshold is nan, expected a number"),
        ("--target pdp11", "unknown target 'pdp11'"),
        ("--threshold 0.1", "threshold is 0.1, which policy uniform has not"),
    ],
)
def test_bad_options(argv: str, expected: str, capsys, tmp_path: Path):
    found = error(capsys, tmp_path, 2, *argv.split(), "-o", tmp_path / "s.onnx")
    assert found.startswith(expected)


def test_nothing_to_write(capsys, tmp_path: Path):
    assert error(capsys, tmp_path, 2).startswith("nothing to do: give -o FILE.onnx, --save-masks")
    found = error(capsys, tmp_path, 2, "-o", tmp_path / "s.bin")
    assert found == "-o 's.bin': expected a name that ends in .onnx or .mlir"
    found = error(capsys, tmp_path, 1, "-o", tmp_path / "s.onnx", "--score", "attention")
    assert found == "score 'attention' needs calibration data, expected data for each input"


def test_places_that_no_file_can_have(capsys, tmp_path: Path):
    """Found before anything is written: not one file of several."""
    model = tmp_path / "s.mlir"
    for option in ("--save-masks", "--report"):
        argv = ["-o", model, option, tmp_path / "folder.json"]
        (tmp_path / "folder.json").mkdir(exist_ok=True)
        found = error(capsys, tmp_path, 1, *argv)
        assert found == "folder.json: is a directory, expected a file name"
    for path in (model, tmp_path / "s.safetensors"):
        found = error(capsys, tmp_path, 2, "-o", model, "--save-masks", path)
        assert found == f"--save-masks '{path.name}': is a file of -o too, expected another name"
    assert tenonc.main(["prune", str(tmp_path / "no.onnx")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}/no.onnx: no such file\n"


MASKS = {
    "another model": ({"model": "f" * 64}, "was made for a model of digest ffffffffffff, this one has "),
    "format": ({"format": "no"}, 'is no mask file, expected "format": "tenonc masks 1"'),
    "no table": ({"removed": [1]}, '"removed" is no table of groups and their ascending channels'),
    "descending": (
        {"removed": {"stem": [2, 1]}},
        '"removed" is no table of groups and their ascending channels',
    ),
    "no group": ({"removed": {"no": [1]}}, "masks: there is no group 'no' in the model"),
    "too many": ({"removed": {"stem": [16]}}, "masks: channel 16 of group 'stem', which has 16"),
    "below": ({"removed": {"stem": [-1, 3]}}, "masks: channel -1 of group 'stem', which has 16"),
    "all": (
        {"removed": {"stem": list(range(16))}},
        "masks: all 16 channels of group 'stem' leave, one has to stay",
    ),
    "pinned": (
        {"removed": {"dense": [1]}},
        "masks: group 'dense' cannot shrink: 'probabilities' is a softmax over it",
    ),
}


@pytest.mark.parametrize("kind", MASKS)
def test_bad_masks(kind: str, capsys, tmp_path: Path):
    changed, expected = MASKS[kind]
    path = tmp_path / "m.json"
    assert tenonc.main(["prune", str(DIGITS), "--save-masks", str(path)]) == 0
    capsys.readouterr()
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    found = error(capsys, tmp_path, 1, "--masks", path, "-o", tmp_path / "s.onnx")
    assert found.removeprefix("m.json: ").startswith(expected)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"3"])
def test_no_mask_file(content: bytes, capsys, tmp_path: Path):
    (tmp_path / "m.json").write_bytes(content)
    found = error(capsys, tmp_path, 1, "--masks", tmp_path / "m.json", "-o", tmp_path / "s.onnx")
    assert found.startswith(("m.json: cannot be read as a mask file: ", "m.json: is no mask file, expected "))


def test_masks_without_end(capsys, tmp_path: Path):
    """A device says that it has no bytes."""
    found = error(capsys, tmp_path, 1, "--masks", "/dev/zero", "-o", tmp_path / "s.onnx")
    assert found == "/dev/zero: more than 67108864 bytes, expected a mask file"
