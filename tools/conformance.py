"""`tenonc conformance`: the backend cases of the onnx package, compiled natively, counted by how they end."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError, UsageError
from .verb import Verb, add_debug

if TYPE_CHECKING:
    from .case_run import Outcome
    from .onnx_cases import Case

GROUPS = ("node", "simple", "real", "pytorch-converted", "pytorch-operator", "quant", "all")
LIMIT_S, REAL_LIMIT_S = 60.0, 900.0


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--group", default="node", choices=GROUPS, help="which cases (default: node)")
    parser.add_argument("--filter", default="", metavar="RE", help="only cases whose name this matches")
    parser.add_argument(
        "--json", metavar="FILE", help="write passed, total and every failure with its reason"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="worker processes (default: cores)"
    )
    parser.add_argument(
        "--runtime",
        default="tenonc",
        choices=("tenonc", "onnxruntime"),
        help="what runs them (default: tenonc)",
    )
    add_debug(parser)


def conformance(arguments: argparse.Namespace) -> None:
    """Run the cases; an exit status of 1 says that some were wrong, or ended in a crash."""
    from ..compiler.atomic import check_file, write_file
    from .onnx_cases import collect

    if arguments.jobs < 1:
        raise UsageError(f"--jobs is {arguments.jobs}, expected at least 1")
    try:
        wanted = re.compile(arguments.filter)
    except re.error as error:
        raise UsageError(f"--filter '{arguments.filter}' is no regular expression: {error}") from None
    if arguments.json:
        check_file(Path(arguments.json))
    cases = [case for case in collect(arguments.group) if wanted.search(case.name)]
    if not cases:
        raise UsageError(f"no case of group {arguments.group} matches '{arguments.filter}'")
    outcomes = run_cases(cases, arguments.runtime, arguments.jobs)
    if arguments.json:
        text = report(cases, outcomes)
        write_file(Path(arguments.json), lambda path: path.write_text(text))
    counts = ", ".join(f"{group} {passed} of {total}" for group, passed, total in by_group(cases, outcomes))
    _show(f"{counts}, on {arguments.runtime}", outcomes)
    bad = [name for name, o in outcomes.items() if o.status in ("wrong", "error")]
    if bad and arguments.runtime == "tenonc":
        raise TenonError(f"{len(bad)} cases are wrong or broken: {', '.join(bad[:5])}, ...")


def run_cases(cases: list[Case], runtime: str, jobs: int) -> dict[str, Outcome]:
    """How each case ended, by name, in the order of `cases`."""
    from rich.console import Console
    from rich.progress import track

    from .case_run import ERROR, CaseRunner, Outcome
    from .workers import Died, run_isolated

    items = [(case, REAL_LIMIT_S if case.group == "real" else LIMIT_S) for case in cases]
    found: dict[str, Outcome] = {}
    results = run_isolated(CaseRunner(runtime), items, jobs)
    for case, result in track(results, "cases", len(items), console=Console(stderr=True), transient=True):
        found[case.name] = Outcome(ERROR, result.reason) if isinstance(result, Died) else result
    return {case.name: found[case.name] for case in cases}


def report(cases: Sequence[Case], outcomes: Mapping[str, Outcome]) -> str:
    """The JSON text: counts, and each failure's reason; what is wrong, or broken, once more apart."""
    import json

    def named(status: str) -> dict[str, str]:
        return {name: o.reason for name, o in outcomes.items() if o.status == status}

    bound = {name: o.bound for name, o in outcomes.items() if o.status == "passed" and o.bound}
    content = {
        "passed": sum(o.status == "passed" for o in outcomes.values()),
        "total": len(outcomes),
        "groups": {group: f"{passed} of {total}" for group, passed, total in by_group(cases, outcomes)},
        "failures": {n: f"{o.status}: {o.reason}" for n, o in outcomes.items() if o.status != "passed"},
        "wrong": named("wrong"),
        "error": named("error"),
        "bound": bound,
        "folded": [name for name in bound if outcomes[name].folded],
    }
    return json.dumps(content, indent=1) + "\n"


def by_group(cases: Sequence[Case], outcomes: Mapping[str, Outcome]) -> list[tuple[str, int, int]]:
    """Each group with how many of its cases pass, and how many there are."""
    total = Counter(case.group for case in cases)
    passed = Counter(case.group for case in cases if outcomes[case.name].status == "passed")
    return [(group, passed[group], count) for group, count in total.items()]


def _show(title: str, outcomes: Mapping[str, Outcome]) -> None:
    from .tables import print_table

    counts = Counter((o.status, category(o.reason)) for o in outcomes.values() if o.status != "passed")
    order = {"wrong": 0, "error": 1, "refused": 2}
    ranked = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0]))
    passed = [o for o in outcomes.values() if o.status == "passed"]
    bound, folded = sum(bool(o.bound) for o in passed), sum(o.folded for o in passed)
    how = f"{bound} with inputs as constants, {folded} of them with all"
    print_table(
        f"{title}: {len(passed)} of {len(outcomes)} pass ({how})",
        ("reason", "cases"),
        [
            (f"{status.upper() if status == 'wrong' else status}: {why}", str(n))
            for (status, why), n in ranked
        ],
    )


def category(reason: str) -> str:
    """A reason without what only one case has: names, shapes, numbers."""
    if missing := re.match(r"unsupported ops: (.*)", reason):
        return "op " + ", ".join(re.findall(r"(?:^|; )([^ ;]+) \(", missing[1]))
    if dtype := re.search(r"element type (\w+) is not supported", reason):
        return f"dtype {dtype[1]}"
    reason = re.sub(r"^node '[^']*' \((\w+)\)", r"\1", reason)
    reason = re.sub(r"'[^']*'", "'...'", reason)
    reason = re.sub(r"\[[^\]]*\]|\b\d[\dx.e+-]*\b", "n", reason)
    return reason[:110]


VERB = Verb(
    "conformance",
    "run the onnx package's backend cases and count how they end",
    "tenonc conformance --group node --filter '^test_conv' --json results.json",
    _configure,
    conformance,
)
