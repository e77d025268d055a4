"""A format of lit whose RUN lines run in forks of one process that has the tools loaded.

A new Python takes a second to import them, which is most of what these tests would do. Each command still is
a process of its own: what one leaves behind, the next does not see. Lines with anything but pipes of these
tools run as lit runs them."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import filecheck.main
import lit.formats
import lit.Test

from tenonc.dialects.registry import DIALECTS
from tenonc.passes.registry import PASSES
from tenonc.tools import tenon_opt

for load in (*DIALECTS.values(), *PASSES.values()):
    load()  # else each fork imports them again

TOOLS: dict[str, Callable[[list[str]], int | None]] = {
    "tenon-opt": tenon_opt.main,
    "filecheck": lambda arguments: filecheck.main.main(["filecheck", *arguments]),
}
RUN = re.compile(r"^// RUN: (.*)$", re.MULTILINE)
BEYOND = re.compile(r"^// (RUN:.*\\\\|(XFAIL|REQUIRES|UNSUPPORTED):.*)$", re.MULTILINE)
"""What lit alone knows: lines that go on, and conditions."""

ERRORS_TOO = "2>&1"


class Command(NamedTuple):
    """A tool with its arguments; whether it has to fail, and whether its errors go down the pipe."""

    tool: str
    arguments: list[str]
    fails: bool
    errors: bool


class ForkedTest(lit.formats.ShTest):
    def execute(self, test, litConfig):
        path = test.getSourcePath()
        text = Path(path).read_text()
        lines = RUN.findall(text)
        pipelines = [pipeline(line, path) for line in lines]
        if not lines or None in pipelines or BEYOND.search(text):
            return super().execute(test, litConfig)
        for line, commands in zip(lines, pipelines, strict=True):
            said = piped(commands)
            if said is not None:
                return lit.Test.Result(lit.Test.FAIL, f"RUN: {line}\n{said}")
        return lit.Test.Result(lit.Test.PASS, "")


def pipeline(line: str, path: str) -> list[Command] | None:
    """The commands of a line; None for one that needs a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;")
    lexer.whitespace_split, lexer.commenters = True, ""
    commands: list[list[str]] = [[]]
    for token in lexer:
        if token == "|":
            commands.append([])
        else:
            commands[-1].append(path if token == "%s" else token)
    found = [_command(words) for words in commands]
    return None if None in found else [command for command in found if command is not None]


def _command(words: list[str]) -> Command | None:
    fails, errors = words[:1] == ["not"], words[-1:] == [ERRORS_TOO]
    words = words[fails : len(words) - errors]
    plain = all(not re.search(r"^\d?[<>]|^[;&|]|%[a-zA-Z{]", word) for word in words)
    if not plain or not words or words[0] not in TOOLS:
        return None
    return Command(words[0], words[1:], fails, errors)


def piped(commands: list[Command]) -> str | None:
    """What went wrong; None if nothing did. As in lit, one command that fails is enough."""
    given = b""
    for command in commands:
        status, given, errors = _forked(command, given)
        if not (status > 0 if command.fails else status == 0):  # below 0: by a signal, which no `not` wants
            text = (given + errors).decode(errors="replace")
            return f"{command.tool} {shlex.join(command.arguments)}: exit status {status}\n{text}"
    return None


def _forked(command: Command, given: bytes) -> tuple[int, bytes, bytes]:
    """Exit status, output and errors of a command that reads `given`."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(given)
        source.seek(0)
        child = os.fork()
        if child == 0:
            _child(command, source, out, out if command.errors else err)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read()


def _child(command: Command, source: IO[bytes], out: IO[bytes], err: IO[bytes]) -> None:
    status: int | None = 70
    try:
        for number, file in enumerate((source, out, err)):
            os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        warnings.simplefilter("ignore")
        status = TOOLS[command.tool](command.arguments)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)
