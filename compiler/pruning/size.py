"""How large a model is: its parameters, and the multiplications of its products."""

from __future__ import annotations

import math
from typing import NamedTuple

from xdsl.dialects.builtin import AnyFloat

from ...dialects import nn
from ...passes.pruning.rules import shape_of
from ...passes.pruning.work import multiplications
from ..model import Model
from ..qdq_form import as_qdq


class Size(NamedTuple):
    """`params`: elements of float constants that ops at run time take; `multiplications`: of convolutions
    and matrix products."""

    params: int
    multiplications: int


def size_of(model: Model) -> Size:
    """The size of @main; bodies of loops are left out. Integer ops count as what they are on floats."""
    model = as_qdq(model)
    ops = list(model.main.body.block.ops)
    known = nn.compile_time_values(ops)
    running = [op for op in ops if not op.results or op.results[0] not in known]
    taken = {value for op in running for value in op.operands if value in known}
    floats = [value for value in taken if isinstance(nn.tensor_of(value).element_type, AnyFloat)]
    products = [op for op in running if isinstance(op, nn.ConvOp | nn.ConvTransposeOp | nn.MatmulOp)]
    return Size(sum(math.prod(shape_of(v)) for v in floats), sum(map(multiplications, products)))
