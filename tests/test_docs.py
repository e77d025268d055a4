"""The documentation names what there is: ops, passes, levels, files; its examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tenonc.compiler.pipeline import LEVELS
from tenonc.dialects.registry import DIALECTS
from tenonc.tools import tenon_opt, tenonc
from tenonc.tools.universe import UNIVERSE

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/architecture.md")
OPS = [op.name for factory in DIALECTS.values() for op in factory().operations]
PASSES = list(UNIVERSE.all_passes)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str, language: str = "") -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("op", OPS)
def test_architecture_names_every_op(op: str):
    table = page("docs/architecture.md").split("## Ops")[1].split("\n## ")[0]
    dialect, name = op.split(".")
    rows = "\n".join(row for row in table.splitlines() if row.startswith(f"| `{dialect}`"))
    assert f"`{name}`" in rows


@pytest.mark.parametrize("name", PASSES)
def test_architecture_and_picture_name_every_pass(name: str):
    assert name in page("docs/architecture.md")
    assert name in page("docs/levels.svg")


def test_architecture_states_each_promise():
    table = page("docs/architecture.md").split("| `preserves` | passes |")[1].split("\n\n")[0]
    for name in PASSES:
        promise = getattr(UNIVERSE.all_passes[name](), "preserves", "exact")
        (row,) = [row for row in table.splitlines() if re.search(rf"\b{name}\b", row)]
        assert row.startswith(f"| `{promise}`"), name


def test_picture_and_page_have_the_levels_of_the_pipeline():
    drawn = re.findall(r'class="name" x="320"[^>]*>(\w+)<', page("docs/levels.svg"))
    described = re.findall(r"^### \d\. (\w+)", page("docs/architecture.md"), re.MULTILINE)
    assert drawn == list(LEVELS)
    assert described == [*LEVELS, "LLVM"]


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name: str):
    """Paths in backticks, and the targets of links."""
    layers = "compiler|dialects|passes|targets|tools|tests|examples|docs"
    named = re.findall(rf"`((?:{layers})/[\w./-]*)`", page(name))
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page(name)) if "://" not in link]
    assert named or links
    here = (ROOT / name).parent
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing + [link for link in links if not (here / link).exists()] == []


def test_the_library_example_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    (example,) = blocks("README.md", "python")
    found: dict = {}
    exec(example, found)
    assert found["probabilities"].shape == (1, 10) and "main:" in found["assembly"]
    assert (found["probabilities"] == found["same"]).all()
    assert abs(found["probabilities"].sum() - 1) < 1e-5


def test_the_shell_examples_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Every line of the README that calls tenonc or tenon-opt; build/ lies in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "build").mkdir()
    lines = [line for block in blocks("README.md") for line in block.splitlines()]
    for line in lines:
        if line.startswith("python -c"):
            subprocess.run([sys.executable, "-c", line.split('"')[1]], check=True)
        elif line.startswith("tenonc "):
            assert tenonc.main(line.split()[1:]) == 0, line
        elif line.startswith("tenon-opt "):
            from tenonc import compiler

            source = tmp_path / line.split()[1]
            source.parent.mkdir(parents=True)
            source.write_text(str(compiler.load(tmp_path / "examples/digits/digits.onnx").module))
            assert tenon_opt.main(line.split()[1:]) == 0, line
    assert sum(line.startswith(("tenonc ", "tenon-opt ")) for line in lines) == 11
    assert (tmp_path / "build" / "y.npz").exists()
