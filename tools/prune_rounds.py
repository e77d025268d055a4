"""`tenonc prune` in rounds: until accuracy or a budget says stop, with the user's own training between."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dialects.errors import TenonError, UsageError
from .arguments import amount, duration, fraction, given

if TYPE_CHECKING:
    from ..compiler.model import Model
    from ..compiler.pruning.attempts import Outcome
    from ..compiler.pruning.objectives import Objectives
    from ..compiler.pruning.verify import Check

METHODS = ("ilp", "iap", "aiap", "aap", "random", "gamma", "l1_aap", "attention_uniform")

POLICIES = {
    "accuracy": ("max_loss",),
    "memory": ("max_params", "max_bytes"),
    "latency": ("max_flops", "max_latency"),
}
"""Policy -> the objectives of which it needs one. Others may be given too."""

OBJECTIVES = {"max_loss": fraction, "max_params": amount, "max_bytes": amount, "max_flops": amount}
OBJECTIVES |= {"max_latency": duration}


def add_rounds(parser: argparse.ArgumentParser) -> None:
    """The options of pruning in rounds."""
    add = parser.add_argument
    add("--method", default="aap", choices=METHODS, help="of pruning in rounds (default: aap)")
    add("--max-loss", metavar="1%", help="accuracy that may be lost: prune in rounds, as far as that allows")
    add("--max-params", metavar="N", help="prune in rounds to so many parameters (20k, 1.5M)")
    add("--max-bytes", metavar="N", help="to so many bytes of compiled object")
    add("--max-flops", metavar="N", help="to so many multiplications")
    add("--max-latency", metavar="5ms", help="to this time of a call of the compiled model")
    add("--evaluate", metavar="FILE.py", help="defines evaluate(model) -> accuracy")
    add("--train", metavar="FILE.py", help="defines train(model, round) -> model, called after each pruning")
    add("--rounds", type=int, default=12, metavar="N", help="rounds that are trained at most (default: 12)")
    add("--time-limit", type=float, metavar="S", help="seconds that a call of evaluate or train may take")
    add("--resume", metavar="FOLDER", help="keep finished rounds here, and go on from those that are there")


def wants_rounds(arguments: argparse.Namespace) -> bool:
    """Whether the command line is about rounds."""
    return arguments.policy in POLICIES or any(getattr(arguments, name) is not None for name in OBJECTIVES)


def check_rounds(arguments: argparse.Namespace) -> None:
    """What is wrong with the command line, before any work."""
    if arguments.evaluate is None:
        raise UsageError("pruning in rounds needs --evaluate FILE.py with evaluate(model) -> accuracy")
    objectives_of(arguments)


def objectives_of(arguments: argparse.Namespace) -> Objectives:
    """What the command line asks for."""
    from ..compiler.pruning.objectives import Objectives

    found: dict[str, Any] = {}
    for name, parse in OBJECTIVES.items():
        text = getattr(arguments, name)
        if text is not None:
            found[name] = given("--" + name.replace("_", "-"), text, parse)
    needed = POLICIES.get(arguments.policy, ())
    if needed and not any(name in found for name in needed):
        options = " or ".join("--" + name.replace("_", "-") for name in needed)
        raise UsageError(f"--policy {arguments.policy} needs {options}")
    return Objectives(**found, target=arguments.target)


def prune_rounds(
    arguments: argparse.Namespace, model: Model, data: Any
) -> tuple[Outcome, Callable[[str], str] | None]:
    """Prune as the command line says, and show the rounds. Returns what came of it, and what makes the report
    for a suffix, if one is asked for."""
    from ..compiler.pruning.attempts import Settings
    from ..compiler.pruning.rounds import prune_in_rounds
    from ..compiler.pruning.verify import verify
    from ..compiler.report.rounds import rounds_report, rounds_text
    from .tables import progress

    wanted = objectives_of(arguments)
    settings = Settings(
        rounds=arguments.rounds,
        seed=arguments.seed,
        residuals=arguments.residuals,
        time_limit=arguments.time_limit,
    )
    evaluate = user_function(Path(arguments.evaluate), "evaluate")
    train = user_function(Path(arguments.train), "train") if arguments.train else None
    checks: list[Check] = []
    report = None
    with progress(arguments.model) as step:
        found = prune_in_rounds(
            model,
            arguments.method,
            wanted,
            evaluate=evaluate,
            train=train,
            data=data,
            settings=settings,
            folder=arguments.resume,
            on_round=lambda r: step(f"round {r.number}: {r.params:,} parameters, {r.decision}"),
            on_pruned=(lambda p: checks.append(verify(p.masked, p.model))) if arguments.verify else None,
        )
        if arguments.report:
            report = partial(
                rounds_text, rounds_report(arguments.model, arguments.method, wanted, found, step)
            )
    _show(arguments.model, found)
    if arguments.verify:
        _show_checks(arguments.model, checks)
    return found, report


def _show_checks(name: str, checks: list[Check]) -> None:
    from ..compiler.pruning.verify import Check
    from .prune_tables import show_check
    from .tables import print_line

    print_line(f"rounds pruned now, each verified before it was trained: {len(checks)}")
    if checks:
        quantized = checks[0].quantized
        show_check(name, Check(max(c.exact for c in checks), max(c.native for c in checks), quantized))


def user_function(path: Path, name: str) -> Callable[..., Any]:
    """The function `name` of a Python file of the user's. Raises TenonError where there is none."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not path.is_file():
        raise TenonError(f"{path}: no such file")
    spec = spec_from_file_location(f"tenonc_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise TenonError(f"{path}: is no Python file, expected a name that ends in .py")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        lines = str(error).splitlines() or [""]
        raise TenonError(f"{path}: {type(error).__name__} while it is read: {lines[0]}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise TenonError(f"{path}: defines no function {name}")
    return found


def _show(name: str, found: Outcome) -> None:
    from .tables import print_line, print_table

    rows = [
        (
            str(r.number),
            f"{r.level:.4g}",
            f"{r.params:,}",
            f"{r.multiplications:,}",
            "" if r.accuracy is None else f"{r.accuracy:.4f}",
            ", ".join(f"{budget} {part:.3g}" for budget, part in r.over.items()),
            r.decision,
        )
        for r in found.rounds
    ]
    head = ("round", "level", "parameters", "multiplications", "accuracy", "of budgets", "decision")
    print_table(f"{name}: rounds", head, rows)
    first, best = found.rounds[0], found.best
    smaller = f"{first.params / max(1, best.params):.2f} times fewer parameters"
    accuracies = f"accuracy {best.accuracy:.4f} of {first.accuracy:.4f}"
    print_line(f"round {best.number}: {smaller}, {accuracies}; {found.ended}")
