"""Constants whose floats are not all finite keep them through their text, ours and MLIR's."""

from io import StringIO

import ml_dtypes
import numpy as np
import pytest
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError

from tenonc.compiler.pipeline import context
from tenonc.dialects.nn import ConstantOp
from tenonc.dialects.nn.dtypes import dense_array, dense_attribute

VALUES = [[-np.inf], [np.nan], [1.5, np.inf, -0.0, np.nan], [[np.inf, np.inf], [np.inf, np.inf]], -np.inf]


def parsed(text: str) -> np.ndarray:
    (op,) = Parser(context(), text).parse_module().ops
    return dense_array(op.value)


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_what_is_printed_is_read_again(values, dtype):
    array, stream = np.array(values, dtype), StringIO()
    Printer(stream=stream).print_op(ConstantOp(dense_attribute(array)))
    found = parsed(stream.getvalue())
    assert found.dtype == array.dtype and found.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("dense<0xFF800000> : tensor<2xf32>", [-np.inf, -np.inf]),
        ("dense<[1.000000e+00, 0x7F800000, -2.5e-01, 3]> : tensor<4xf32>", [1, np.inf, -0.25, 3]),
        ("dense<[[0x7c00], [0.5]]> : tensor<2x1xf16>", [[np.inf], [0.5]]),
        ("dense<0x10> : tensor<i32>", 16),
    ],
)
def test_numbers_in_hexadecimal_are_the_bits_of_floats(text, want):
    np.testing.assert_array_equal(parsed(f"%c = nn.constant {text}"), want)


def test_more_bits_than_an_element_has():
    with pytest.raises(ParseError, match="0x1FFFFFFFF has more bits than an element of tensor<2xf32>"):
        parsed("%c = nn.constant dense<[1.0, 0x1FFFFFFFF]> : tensor<2xf32>")
