"""Instructions of a user's own: read from a file, and refused by name where they are not what they say.

Each is checked as the declared ones are (`selfcheck.py`), in a process of its own: LLVM ends a process over
an intrinsic that a machine does not have.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from xdsl.utils.exceptions import ParseError, VerifyException

from ..dialects.errors import TenonError
from ..dialects.tensorized import InstructionOp
from .attach_target import family_instructions, parse_module
from .record import TargetRecord, find_target


def user_instructions(path: str, record: TargetRecord) -> list[InstructionOp]:
    """The instructions of the file `path`, all of which `record` has. Clone them before use. Raises
    `TenonError` for a file that cannot be read, and for an instruction that is not right."""
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise TenonError(f"instructions {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError:
        raise TenonError(f"instructions {path}: is no text") from None
    return list(_checked(text, path, record))


@cache
def _checked(text: str, path: str, record: TargetRecord) -> tuple[InstructionOp, ...]:
    found = read_instructions(text, path)
    _refuse_names(found, path, record)
    for one in found:
        missing = ", ".join(sorted(one.features - record.enabled - record.emulated))
        if missing:
            name = one.sym_name.data
            raise TenonError(
                f"instructions {path}: @{name} needs {missing}, which target {record.name} lacks"
            )
        _check_registers(one, path)
    _check_apart(text, path, record)
    return tuple(found)


def _check_registers(one: InstructionOp, path: str) -> None:
    """A machine's have a power of two of lanes; of others LLVM makes several, with gaps in memory."""
    for register in one.registers:
        (lanes,) = register.get_shape()
        if lanes & (lanes - 1):
            what = f"register {register} has {lanes} lanes, expected a power of two"
            raise TenonError(f"instructions {path}: @{one.sym_name.data}: {what}")


def read_instructions(text: str, path: str) -> list[InstructionOp]:
    """What is declared in `text`, which came from the file `path`; nothing but instructions may be."""
    if not text.strip():
        raise TenonError(f"instructions {path}: holds no tensorized.instruction")
    try:
        module = parse_module(text, path)
    except ParseError as error:
        what = " ".join(error.msg.split()).rstrip(".!")
        raise TenonError(f"instructions {error.span.get_location()}: {what[:1].lower()}{what[1:]}") from error
    except TenonError as error:
        raise TenonError(f"instructions {error}") from error
    except RecursionError:
        raise TenonError(f"instructions {path}: nested too deeply") from None
    found: list[InstructionOp] = []
    for op in module.ops:
        if not isinstance(op, InstructionOp):
            raise TenonError(f"instructions {path}: holds {op.name}, expected only tensorized.instruction")
        try:
            op.verify()
        except VerifyException as error:
            reason = " ".join(str(error).split())
            raise TenonError(f"instructions {path}: @{op.sym_name.data}: {reason}") from error
        found.append(op)
    if not found:
        raise TenonError(f"instructions {path}: holds no tensorized.instruction")
    return found


def _refuse_names(found: Sequence[InstructionOp], path: str, record: TargetRecord) -> None:
    own = Counter(one.sym_name.data for one in found)
    taken = {one.sym_name.data for one in family_instructions(record)}
    for name, count in own.items():
        if count > 1 or name in taken:
            where = "twice" if count > 1 else f"by {record.name}'s family too"
            raise TenonError(f"instructions {path}: @{name} is declared {where}")


LONGEST_S = 300
"""Of the check of a file: a large tile takes seconds."""

_RUN = "import sys; from {module} import check_here; sys.exit(check_here(*sys.argv[1:]))"


def _check_apart(text: str, path: str, record: TargetRecord) -> None:
    """Checks each instruction in another process, which gets the text on its standard input."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-W", "ignore", "-c", _RUN.format(module=__name__), path, record.name]
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=LONGEST_S,
        )
    except subprocess.TimeoutExpired as error:
        name = (error.stdout or b"an instruction").decode().splitlines()[-1]
        raise TenonError(f"instructions {path}: {name}: its check took more than {LONGEST_S} s") from None
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        return
    if done.returncode == 1 and lines:
        raise TenonError(f"instructions {path}: {lines[-1]}")
    said = re.search(r"(?:LLVM ERROR: |Assertion )([^\n]+)", done.stderr)
    name = lines[-1] if lines else "an instruction"
    if said is None and done.returncode < 0:  # a division by zero, say
        what = signal.strsignal(-done.returncode) or f"signal {-done.returncode}"
        raise TenonError(f"instructions {path}: {name}: running it ended the process: {what.lower()}")
    why = said[1].rstrip("!. ") if said else f"the process ended with {done.returncode}"
    raise TenonError(f"instructions {path}: {name}: llvm makes no code of it for {record.name}: {why}")


def check_here(path: str, target: str) -> int:
    """What the other process does: prints each instruction's name before it is checked, and what is wrong."""
    from .selfcheck import check_instruction

    record, name = find_target(target), ""
    try:
        for one in read_instructions(sys.stdin.read(), path):
            name = f"@{one.sym_name.data}"
            print(name, flush=True)
            check_instruction(one, record)
    except TenonError as error:
        said = " ".join(str(error).split())
        print(said if name in said else f"{name}: {said}", flush=True)
        return 1
    except Exception as error:  # whatever a body may hold that nothing here has met
        print(f"{name}: cannot be run: {type(error).__name__}: {' '.join(str(error).split())}", flush=True)
        return 1
    return 0
