"""`tenonc`: compile an ONNX model, run it, measure it.

Exit status: 0 done, 1 bad input, 2 bad usage, 70 an error of tenonc itself, 130 interrupted. A user's mistake
is one line on stderr; `--debug` shows the traceback.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..dialects.errors import TenonError
from . import (
    bench,
    cache_verb,
    compare,
    conformance,
    data_verb,
    explain,
    model_verb,
    profile,
    prune,
    reproduce,
    soak,
    targets_verb,
)
from .failures import failure, open_closed_streams, silence_stdout, standard_output, warnings_in_a_line
from .tune import add_tune
from .verb import Parser, Verb, add_cache, add_model


def _compile_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_cache(parser)
    add_tune(parser)
    parser.add_argument("-o", "--output", metavar="FOLDER", help="folder for the results, or a file NAME.so")
    parser.add_argument("--emit", metavar="KINDS", help="some of mlir,ll,asm,obj,so,onnx (default: obj)")
    parser.add_argument(
        "--weights", metavar="WHERE", help="of a shared object: inside (default), or external, beside it"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="in the names of a shared object's functions (default: its file name)"
    )
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        help="measure, and write where the time goes and why: FILE.html or FILE.json",
    )
    parser.add_argument(
        "--print-after-all", action="store_true", help="print the IR after every pass to stderr"
    )


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser, "the ONNX file, or a shared object that `compile` has made")
    add_cache(parser)
    parser.add_argument("--weights", metavar="FILE", help="weights of a shared object (default: beside it)")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=FILE.npy", help="value of an input"
    )
    parser.add_argument("-o", "--output", metavar="FILE.npz", help="file for the outputs")


def _compile(arguments: argparse.Namespace) -> None:
    from .verbs import compile_model

    compile_model(arguments)


def _run(arguments: argparse.Namespace) -> None:
    from .verbs import run_model

    run_model(arguments)


VERBS = (
    Verb(
        "compile",
        "compile a model to native code",
        "tenonc compile model.onnx -o out/ --shape x=1,3,224,224 --emit mlir,ll,asm,obj",
        _compile_arguments,
        _compile,
    ),
    Verb(
        "run",
        "compile a model in memory and run it on arrays, or run a shared object",
        "tenonc run model.onnx --input x=x.npy -o outputs.npz",
        _run_arguments,
        _run,
    ),
    compare.VERB,
    profile.VERB,
    explain.VERB,
    bench.VERB,
    reproduce.VERB,
    conformance.VERB,
    model_verb.VERB,
    data_verb.VERB,
    cache_verb.VERB,
    targets_verb.VERB,
    soak.VERB,
    prune.VERB,
)


def build_parser() -> argparse.ArgumentParser:
    """The command line: one subcommand a verb, each with an example."""
    parser = Parser(prog="tenonc", description="compile neural networks for one machine")
    commands = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        command = commands.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.summary,
            epilog=f"example:\n  {verb.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.configure(command)
        command.set_defaults(action=verb.action)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    open_closed_streams()
    try:
        try:
            return _perform(build_parser().parse_args(argv))
        finally:
            with standard_output():
                sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        return 0
    except TenonError as error:  # of the command line, or the last flush
        line, status = failure(error)
        print(line, file=sys.stderr)
        return status


def _perform(arguments: argparse.Namespace) -> int:
    try:
        with warnings_in_a_line():
            arguments.action(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if arguments.debug:
            import traceback

            traceback.print_exc()
        line, status = failure(error)
        print(line, file=sys.stderr)
        return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
