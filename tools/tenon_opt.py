"""`tenon-opt`: parse a module, run passes, print it or emit it for a target.

    tenon-opt model.mlir -p fold-batch-norm,lower-nn
    tenon-opt model.mlir -p 'attach-target{name=x86-64-v3},tensorize-match' -t llvm -o model.ll
    tenon-opt model.mlir -p lower-nn --check-semantics --weights model.safetensors

xDSL's driver with this project's error lines (`error: ...`, exit status 1; 2 for a bad pipeline), output
files that appear whole or not at all, and `--check-semantics`. Dialects, passes and targets come from
every installed `xdsl.universe`: xDSL's, ours (tools/universe.py) and anyone else's.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import Operation
from xdsl.passes import ModulePass, PassPipeline
from xdsl.utils.exceptions import (
    ArgSpecParseError,
    DiagnosticException,
    ParseError,
    PassFailedException,
    VerifyException,
)
from xdsl.xdsl_opt_main import xDSLOptMain

from ..compiler.atomic import write_file
from ..dialects.errors import TenonError, UsageError
from .failures import failure, one_line, open_closed_streams, silence_stdout
from .universe import TARGETS
from .verb import usage_error

if TYPE_CHECKING:
    from ..compiler.semantics import SemanticsChecker


class _Held(io.StringIO):
    """Output kept in memory until the run has succeeded."""

    def close(self) -> None:
        pass


class TenonOptMain(xDSLOptMain):
    version_format: ClassVar[str] = "tenon-opt built on xdsl version {xdsl_version}"

    def __init__(self, args: Sequence[str] | None = None):
        self._held: _Held | None = None
        self._checker: SemanticsChecker | None = None
        super().__init__("Tenon's modular optimizer driver", args)

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.error = partial(usage_error, "tenon-opt")  # xDSL makes the parser
        add = arg_parser.add_argument
        add("--debug", action="store_true", help="show the traceback of an error")
        add(
            "--check-semantics",
            action="store_true",
            help="run every public function before and after each pass on seeded inputs, and fail where "
            "a value leaves what the pass promises to preserve",
        )
        add("--weights", metavar="FILE", help="safetensors file with the weights that the module names")
        add("--seed", type=int, default=0, help="seed of the inputs of --check-semantics (default 0)")

    def register_all_targets(self) -> None:
        # First come, first served: our `llvm` is not xDSL's, which cannot translate N-d vectors.
        self.available_targets.update(TARGETS)
        super().register_all_targets()

    def setup_pipeline(self) -> None:
        try:
            super().setup_pipeline()
        except ArgSpecParseError as error:  # its last line is the message, below a picture of the place
            what = str(error).splitlines()[-1].strip().lower()
            raise UsageError(f"pass pipeline '{self.args.passes}': {what}") from error
        except ValueError as error:
            raise UsageError(
                f"pass pipeline '{self.args.passes}': {_lower_first(one_line(error))}"
            ) from error
        verify_and_print = self.pipeline.callback
        assert verify_and_print is not None

        def between(before: ModulePass | None, module: ModuleOp, after: ModulePass | None) -> None:
            try:
                verify_and_print(before, module, after)
            except VerifyException as error:
                if self.args.verify_diagnostics:
                    raise
                raise TenonError(_verify_line(module, error, before)) from error
            if self._checker is not None:
                self._checker.observe(before, module)

        self.pipeline = PassPipeline(self.pipeline.passes, between)

    def prepare_input(self) -> tuple[list[tuple[IO[bytes], int]], str]:
        try:
            return super().prepare_input()
        except ValueError as error:
            raise UsageError(f"{self.get_input_name()}: {_lower_first(one_line(error))}") from error

    def parse_chunk(self, chunk: IO[bytes], file_extension: str, start_offset: int = 0) -> ModuleOp | None:
        try:
            return super().parse_chunk(chunk, file_extension, start_offset)
        except (ParseError, DiagnosticException):
            raise
        except RecursionError as error:
            raise TenonError(f"{self.get_input_name()}: nested too deeply") from error
        except Exception as error:  # the parser on text that is no IR at all: bytes, broken literals
            what = f"{type(error).__name__}: {_lower_first(one_line(error))}".removesuffix(": ")
            raise TenonError(f"{self.get_input_name()}: cannot be parsed: {what}") from error

    def apply_passes(self, prog: ModuleOp) -> None:
        self._checker = self._new_checker() if self.args.check_semantics else None
        try:
            super().apply_passes(prog)
        except TenonError as error:
            if self.args.verify_diagnostics:  # a user's mistake found by a pass is a diagnostic too
                raise PassFailedException(str(error)) from error
            raise

    def _new_checker(self) -> SemanticsChecker:
        from ..compiler.constants import blob_of
        from ..compiler.semantics import SemanticsChecker
        from ..dialects.nn import WeightStore

        weights = WeightStore.load(self.args.weights) if self.args.weights else WeightStore()
        return SemanticsChecker(weights, self.args.seed, lambda line: print(line, file=sys.stderr), blob_of)

    def prepare_output(self) -> IO[str]:
        if self.args.output_file is None:
            return sys.stdout
        self._held = _Held()
        return self._held

    def run(self) -> None:
        super().run()
        if self._held is not None:
            text = self._held.getvalue()
            write_file(Path(self.args.output_file), lambda part: part.write_text(text))


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _verify_line(module: ModuleOp, error: VerifyException, after: ModulePass | None) -> str:
    """Names the op that does not verify: xDSL only prints it inside the whole module."""
    when = f"after pass '{after.name}': " if after else ""
    op = _first_broken(module)
    if op is None:
        return f"{when}{_lower_first(one_line(error))}"
    where = f"'{op.location.desc.data}': " if isinstance(op.location, NameLoc) else ""
    name = f"{op.name}: "  # which some messages begin with
    return f"{when}{where}{name}{_lower_first(one_line(error)).removeprefix(name)}"


def _first_broken(module: ModuleOp) -> Operation | None:
    for op in module.walk(reverse=True):
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
    return None


def _failure(error: BaseException) -> tuple[str, int]:
    """The line and the exit status; besides a tool's usual errors, those of xDSL's parser and verifier."""
    match error:
        case ParseError():
            message = _lower_first(" ".join(error.msg.split())).rstrip("!.")
            return f"error: {error.span.get_location()}: {message}", TenonError.status
        case OSError(filename=None):  # files have names
            silence_stdout()
            return f"error: standard output: {(error.strerror or str(error)).lower()}", TenonError.status
        case OSError():
            return f"error: {error.filename}: {(error.strerror or str(error)).lower()}", TenonError.status
        case DiagnosticException():
            return f"error: {_lower_first(one_line(error))}", TenonError.status
        case _:
            return failure(error)


def main(args: Sequence[str] | None = None) -> int:
    """Runs the driver on `args` (default: the command line) and returns the exit status."""
    open_closed_streams()
    try:
        TenonOptMain(args).run()
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in (sys.argv[1:] if args is None else args):
            raise
        line, status = _failure(error)
        print(line, file=sys.stderr)
        return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
