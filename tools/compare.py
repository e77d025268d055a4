"""`tenonc compare`: every value of a compiled model against onnxruntime."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError, UsageError
from .arguments import check_count, check_tolerance
from .verb import Verb, add_model

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    from ..compiler import Model
    from ..compiler.compare import Deviation
    from ..compiler.compare_nodes import NodeDifference

PEERS = ("onnxruntime",)

TOLERANCES = {"fp32": 1e-4, "bf16": 5e-2, "int8-dynamic": 1e-1}
"""The default by precision."""


def _configure(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--vs", default="onnxruntime", choices=PEERS, help="the peer (default: onnxruntime)")
    parser.add_argument("--inputs", metavar="FILE.npz", help="input values by name (default: seeded ones)")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="T",
        help="largest deviation, relative to a value's largest magnitude "
        "(default: 1e-4, bf16: 5e-2, int8-dynamic: 1e-1)",
    )
    parser.add_argument(
        "--nodes",
        action="store_true",
        help="for quantized models: each node on the peer's own inputs, integers counted, and the outputs in "
        "quantization steps",
    )
    parser.add_argument(
        "--targets",
        metavar="NAMES",
        help="for quantized models: the integers of these targets instead, on equal inputs, for example "
        "interpreter,x86-64,cascadelake-emulated,host",
    )
    parser.add_argument("--json", metavar="FILE", help="with --targets: write every difference here too")
    parser.add_argument("--worst", type=int, default=10, metavar="N", help="rows of the table (default: 10)")


def compare_model(arguments: argparse.Namespace) -> None:
    """Compare, show the worst values, and fail where one is beyond the tolerance."""
    import onnx

    from ..compiler.compare import compare
    from .tables import print_table, progress
    from .verbs import load_model, options_of, read_constants

    if arguments.tolerance is None:
        arguments.tolerance = TOLERANCES.get(arguments.precision, 1e-4)
    check_tolerance(arguments.tolerance)
    check_count("--worst", arguments.worst)
    if arguments.json and not arguments.targets:
        raise UsageError("--json is for --targets")
    model = load_model(arguments)
    inputs = read_arrays(Path(arguments.inputs)) if arguments.inputs else None
    if arguments.targets:
        from .compare_targets import show_targets

        return show_targets(arguments, model, inputs)
    proto = onnx.load(arguments.model)
    if arguments.nodes:
        return _compare_nodes(arguments, model, proto, inputs)
    with progress(arguments.model) as step:
        found = compare(model, proto, inputs, read_constants(arguments), options_of(arguments), step)
    worst = sorted(found.values, key=lambda d: -d.max_rel)[: arguments.worst]
    title = f"{arguments.model}: {len(found.values)} values against {arguments.vs}, the worst"
    columns = ("value", "node", "op", "max abs", "max rel to the value's max")
    print_table(title, columns, [_row(d) for d in worst])
    print_table("outputs of the plain compile", columns, [_row(d) for d in found.outputs])
    beyond = found.beyond(arguments.tolerance)
    if beyond:
        first = beyond[0]
        raise TenonError(
            f"{len(beyond)} values differ by more than {arguments.tolerance:g} of their largest magnitude, "
            f"first '{first.value}' of node '{first.node}' ({first.op}), by {first.max_rel:.3g}"
        )


def _compare_nodes(
    arguments: argparse.Namespace, model: Model, proto: ModelProto, inputs: dict[str, np.ndarray] | None
) -> None:
    """Show how many integers of each kind of node are the peer's; fail where a difference has no reason."""
    from ..compiler.compare_nodes import compare_nodes
    from ..compiler.compare_outputs import compare_outputs
    from .tables import print_table, progress
    from .verbs import options_of

    with progress(arguments.model) as step:
        nodes = compare_nodes(proto, inputs, options_of(arguments), step)
        step("comparing outputs")
        outputs = compare_outputs(model, proto, inputs, options_of(arguments))
    kinds = {kind: [d for d in nodes if d.op == kind] for kind in dict.fromkeys(d.op for d in nodes)}
    title = f"{arguments.model}: {len(nodes)} quantized nodes, each on {arguments.vs}'s inputs"
    columns = ("op", "nodes", "elements", "equal, %", "differ", "worst", "ours nearest", "peer's nearest",
               "unexplained", "peer's default: changed", "by")  # fmt: skip
    print_table(title, columns, [_kind_row(kind, found) for kind, found in kinds.items()])
    rows = [(o.output, o.mode, f"{o.step:.3g}", f"{100 * o.within:.3f}", f"{o.worst:.3g}") for o in outputs]
    print_table("outputs of the whole model", ("output", "peer", "step", "within 2 steps, %", "worst"), rows)
    wrong = [d for d in nodes if d.unexplained or d.worst > 1]
    if wrong:
        first = max(wrong, key=lambda d: d.worst)
        raise TenonError(
            f"{len(wrong)} nodes differ for another reason than rounding, the most node '{first.node}' "
            f"({first.op}): {first.differ} of {first.elements} elements, by {first.worst:g}"
        )


def _kind_row(kind: str, found: list[NodeDifference]) -> tuple[str, ...]:
    """The nodes of one kind, added up."""
    elements, differ = sum(d.elements for d in found), sum(d.differ for d in found)
    return (
        kind, str(len(found)), f"{elements:,}", f"{100 * (1 - differ / max(elements, 1)):.4f}", str(differ),
        f"{max(d.worst for d in found):g}", str(sum(d.own_nearest for d in found)),
        str(sum(d.peer_nearest for d in found)), str(sum(d.unexplained for d in found)),
        f"{sum(d.by_default for d in found):,}", f"{max(d.worst_by_default for d in found):g}",
    )  # fmt: skip


def _row(d: Deviation) -> tuple[str, ...]:
    return d.value, d.node, d.op, f"{d.max_abs:.3g}", f"{d.max_rel:.3g}"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; nothing pickled is ever loaded."""
    import zipfile

    import numpy as np

    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise TenonError(f"{path}: is one array, expected an .npz file with an array for each input")
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise TenonError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise TenonError(f"{path}: is not an .npz file of plain numbers, or is truncated") from None


VERB = Verb(
    "compare",
    "compare every value of a compiled model with onnxruntime",
    "tenonc compare model.onnx --vs onnxruntime --inputs d.npz --tolerance 1e-4",
    _configure,
    compare_model,
)
