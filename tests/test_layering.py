"""Imports point downwards only (dialects < passes < targets < compiler < tools), and stay light."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("dialects", "passes", "targets", "compiler", "tools")
FILES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
HEAVY = ("torch", "onnxruntime", "onnx", "sklearn", "islpy", "llvmlite", "google.protobuf", "hypothesis")
IMPORT_LIMIT_S = 0.5


def imported(path: Path) -> list[str]:
    """The modules of this project that a file imports anywhere, as dotted paths from the root."""
    package = path.relative_to(ROOT).parent.parts
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            target = ".".join((*base, *(node.module or "").split("."))).strip(".")
            if node.module in (None, "tenonc"):  # the names are modules
                found += [".".join((*base, alias.name)) for alias in node.names]
            else:
                found.append(target)
    return [name.removeprefix("tenonc.") for name in found]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path):
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    upwards = [name for name in imported(path) if name.split(".")[0] in LAYERS[layer + 1 :]]
    assert upwards == []


def test_layering_sees_every_form_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "passes").mkdir()
    file = tmp_path / "passes" / "x.py"
    file.write_text(
        "from ..compiler import a\nfrom tenonc.targets.b import c\nimport tenonc.tools.d\n"
        "def f():\n    from .. import compiler\n    from . import e\n    from tenonc import tools\n"
    )
    assert {name.split(".")[0] for name in imported(file)} == {"compiler", "targets", "tools", "passes"}


def test_import_of_the_compiler_is_light():
    # The best of three: the first run may still write byte code.
    program = f"import sys, tenonc.compiler; print(*[m for m in {HEAVY} if m in sys.modules])"
    walls = []
    for _ in range(3):
        start = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        walls.append(time.perf_counter() - start)
        assert run.stdout.split() == [], "heavy modules are imported at the top level"
    assert min(walls) <= IMPORT_LIMIT_S
