"""Every op of the importer's table, compiled: against the reference interpretation."""

import importlib.util
from pathlib import Path

import pytest

from tenonc.compiler import compile, load, run_reference

TABLE = Path(__file__).parents[1] / "onnx_import" / "test_ops.py"


def load_table():
    spec = importlib.util.spec_from_file_location("op_table", TABLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPS = load_table()


@pytest.mark.parametrize("case", OPS.CASES, ids=OPS.name_of)
def test_like_the_reference(one_op, assert_close, case):
    proto = one_op(case.op, case.arrays, case.constants, case.outputs, case.opset, **case.attributes)
    model = load(proto)
    expected = run_reference(model, case.arrays)
    found = compile(model)(case.arrays)
    assert_close(found, [expected[port.name] for port in model.outputs])
