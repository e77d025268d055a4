"""`nn.scan` as ONNX's Scan: what it captures is read from the graph around it."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import SSAValue

from ...dialects import nn
from .graph import GraphWriter, value_info
from .registry import exports


@exports(nn.ScanOp)
def scan(graph: GraphWriter, op: nn.ScanOp, *names: str) -> list[str]:
    carried, sliced = op.value_of("carried"), op.value_of("sliced")
    block = op.function().body.block
    body = graph.inner()
    for index, argument in enumerate(block.args):
        own = index < carried + sliced
        body.values[argument] = graph.shared.names.unique(argument.name_hint or "x") if own else names[index]
    returned = block.last_op
    assert isinstance(returned, func.ReturnOp)
    graph.export_block(body, block)
    outputs = [_own(body, value) for value in returned.operands]
    inner = body.graph(
        "body",
        [value_info(body.values[a], nn.tensor_of(a)) for a in block.args[: carried + sliced]],
        [value_info(name, nn.tensor_of(v)) for name, v in zip(outputs, returned.operands, strict=True)],
    )
    backward = [int(op.is_reversed(i)) for i in range(sliced + len(outputs) - carried)]
    return graph.add_all(
        "Scan", names[: carried + sliced], len(op.outs), body=inner, num_scan_inputs=sliced,
        scan_input_directions=backward[:sliced] if any(backward[:sliced]) else None,
        scan_output_directions=backward[sliced:] if any(backward[sliced:]) else None,
    )  # fmt: skip


def _own(body: GraphWriter, value: SSAValue) -> str:
    """A name that only this output of the body has: an input of it, say, is copied."""
    body.location, body.hint = "output", "output"
    return body.add("Identity", body.name(value))
