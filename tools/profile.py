"""`tenonc profile`: the time of each kernel, with its ONNX nodes and its part of the machine's limit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import check_count, check_seconds
from .verb import Verb, add_cache, add_model

if TYPE_CHECKING:
    from ..compiler.profile import CallSite, Profile


def _configure(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_cache(parser)
    parser.add_argument("--inputs", metavar="FILE.npz", help="input values by name (default: seeded ones)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure (default: 2)")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="kernels in the table (default: 20)")
    parser.add_argument("--json", metavar="FILE", help="write the whole profile here too")


def profile_model(arguments: argparse.Namespace) -> None:
    """Compile, measure, show."""
    import json
    from dataclasses import asdict

    from .. import compiler
    from ..compiler.atomic import check_file, write_file
    from .compare import read_arrays
    from .tables import progress
    from .verbs import cache_of, load_model, options_of

    check_seconds(arguments.seconds)
    check_count("--top", arguments.top)
    if arguments.json:
        check_file(Path(arguments.json))
    cache = cache_of(arguments)
    model = load_model(arguments)
    inputs = read_arrays(Path(arguments.inputs)) if arguments.inputs else None
    with progress(arguments.model) as on_pass:
        exe = compiler.compile(model, **asdict(options_of(arguments)), cache=cache, on_pass=on_pass)
        on_pass("measuring")
        found = exe.profile(inputs, arguments.seconds)
    if arguments.json:
        text = json.dumps(found.as_json(), indent=1) + "\n"
        write_file(Path(arguments.json), lambda path: path.write_text(text))
    _show(arguments.model, found, arguments.top)


COLUMNS = ("kernel", "nodes", "calls", "ms", "% of total", "% of roofline", "bound", "GFLOP", "MB")


def _show(title: str, found: Profile, top: int) -> None:
    from .tables import print_table

    rows: list[tuple[str, ...]] = []
    grouped = found.kernels()
    for name, calls in list(grouped.items())[:top]:
        rows.append(_row(name, calls))
        if len(calls) > 1:
            rows += [_row("  call", [site]) for site in calls]
    if len(grouped) > top:
        rest = [site for calls in list(grouped.values())[top:] for site in calls]
        rows.append(_row(f"{len(grouped) - top} others", rest))
    heading = (
        f"{title}: {found.run_ms:.3f} ms a run, kernels {found.total_ms:.3f} ms; "
        f"peak {found.machine.gflops:.1f} GFLOP/s, memory {min(found.machine.bandwidth.values()):.1f} GB/s"
    )
    print_table(heading, COLUMNS, rows)


def _row(name: str, calls: list[CallSite]) -> tuple[str, ...]:
    ms = sum(site.ms for site in calls)
    # The least time of all calls over the time they took.
    roofline = sum(site.roofline * site.ms for site in calls) / ms if ms else 0.0
    nodes = list(dict.fromkeys(node for site in calls for node in site.nodes))
    shown = ", ".join(nodes[:3]) + (f", {len(nodes) - 3} more" if len(nodes) > 3 else "")
    bound = "/".join(sorted({site.bound for site in calls}))
    return (
        name,
        shown,
        str(len(calls)),
        f"{ms:.3f}",
        f"{100 * sum(site.share for site in calls):.1f}",
        f"{100 * roofline:.0f}",
        bound,
        f"{sum(site.operations for site in calls) / 1e9:.3f}",
        f"{sum(site.bytes for site in calls) / 1e6:.2f}",
    )


VERB = Verb(
    "profile",
    "measure each kernel of a model, with its ONNX nodes and its part of the machine's limit",
    "tenonc profile model.onnx --json profile.json",
    _configure,
    profile_model,
)
