"""What a verb of `tenonc` is made of; each lives in a file of its own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from ..dialects.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        usage_error(self.prog, message)


def usage_error(program: str, message: str) -> NoReturn:
    """What argparse would print below the whole usage."""
    raise UsageError(f"{message}, see {program} --help")


@dataclass(frozen=True)
class Verb:
    """A subcommand: its name, its one-line help, an example, its arguments and what it does.

    `configure` runs for every command line, so its module imports nothing heavy; `action` may."""

    name: str
    summary: str
    example: str
    configure: Callable[[argparse.ArgumentParser], None]
    action: Callable[[argparse.Namespace], None]


def add_debug(parser: argparse.ArgumentParser) -> None:
    """The option that every verb has."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_model(parser: argparse.ArgumentParser, what: str = "the ONNX file") -> None:
    """The arguments that say which model is compiled, and for what."""
    parser.add_argument("model", help=what)
    add_model_options(parser)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """How a model is compiled."""
    parser.add_argument(
        "--target", default="host", metavar="NAME", help="machine to compile for (default: host)"
    )
    parser.add_argument(
        "--precision",
        default="fp32",
        metavar="KIND",
        help="what f32 values are kept in: fp32, or bf16 with sums in f32; int8-dynamic: products with "
        "weights on bytes, quantized at run time (default: fp32)",
    )
    parser.add_argument(
        "--winograd",
        default="auto",
        metavar="TILE",
        help="3x3 convolutions by Winograd's algorithm: auto where it is faster, off, 2 or 4 (default: auto)",
    )
    parser.add_argument(
        "--instructions", default="", metavar="FILE.mlir", help="instructions that the target has besides"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads that a call may use (default: 1)")
    add_shapes(parser)
    add_debug(parser)


def add_shapes(parser: argparse.ArgumentParser) -> None:
    """What the model's inputs are."""
    parser.add_argument(
        "--shape", action="append", default=[], metavar="INPUT=N,C,H,W", help="whole shape of an input"
    )
    parser.add_argument(
        "--dim", action="append", default=[], metavar="NAME=N", help="value of a symbolic dimension"
    )
    parser.add_argument(
        "--constant", action="append", default=[], metavar="INPUT=FILE.npy", help="value to compile in"
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Where compiled models are kept."""
    parser.add_argument("--cache", metavar="FOLDER", help="keep compiled models here")
    parser.add_argument("--cache-limit", metavar="SIZE", help="most bytes kept, such as 500M (default: 4G)")
    parser.add_argument("--no-cache", action="store_true", help="compile anew, and keep nothing")
