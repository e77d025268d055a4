"""What every registered pass and op must have: names that agree, documentation, tests, an interpretation."""

import inspect
import re
import sys
from pathlib import Path

import pytest
from xdsl.irdl import IRDLOperation
from xdsl.traits import IsTerminator, SymbolOpInterface

from tenonc.dialects.registry import DIALECTS
from tenonc.tools.universe import UNIVERSE

ROOT = Path(__file__).parents[1]
FILECHECK = ROOT / "tests" / "filecheck"
OPS = sorted((op for factory in DIALECTS.values() for op in factory().operations), key=lambda op: op.name)


@pytest.mark.parametrize("name", UNIVERSE.all_passes)
def test_pass_is_complete(name: str):
    from tenonc.compiler.promise import Promise

    pass_class = UNIVERSE.all_passes[name]()
    module = sys.modules[pass_class.__module__]
    assert pass_class.name == name
    assert Path(inspect.getfile(pass_class)).stem in (name.replace("-", "_"), "__init__")
    assert module.__doc__, f"{module.__name__} does not say what it expects and what it leaves"
    assert list((FILECHECK / name).glob("*.mlir")), f"tests/filecheck/{name} holds no .mlir test"
    Promise.parse(getattr(pass_class, "preserves", "exact"))


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_is_documented(op: type[IRDLOperation]):
    doc = inspect.getdoc(op) or ""
    assert "summary" in vars(op) or doc.split("\n")[0].strip(), "no summary"
    assert re.search(rf"\b{re.escape(op.name)}\b", doc), "the docstring shows no IR example of the op"


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_is_interpreted(op: type[IRDLOperation]):
    from xdsl.dialects.builtin import ModuleOp

    from tenonc.dialects.reference import interpreter

    if op.has_trait(SymbolOpInterface) or op.has_trait(IsTerminator):
        pytest.skip("declares or ends: what contains it gives it meaning")
    impls = interpreter(ModuleOp([]), {})._impls
    assert op in impls._impl_dict or op in impls._callable_impl_dict
