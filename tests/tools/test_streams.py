"""What the tools do with a standard output that is closed or full, and with what a terminal would obey."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenonc.tools.tables import print_table


def run(module: str, redirection: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", module, *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


LIST = ("tenonc.tools.tenonc", ["models", "list"], "")
IR = ("tenonc.tools.tenon_opt", [], "builtin.module {}\n")


@pytest.mark.parametrize(("module", "arguments", "text"), [LIST, IR])
def test_closed(module: str, arguments: list[str], text: str):
    done = run(module, ">&-", *arguments, text=text)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize(("module", "arguments", "text"), [LIST, IR])
def test_full(module: str, arguments: list[str], text: str):
    done = run(module, ">/dev/full", *arguments, text=text)
    assert done.returncode == 1
    assert done.stderr == f"error: standard output: {os.strerror(28).lower()}\n"


def test_a_table_shows_names_as_they_are(capsys):
    print_table("a\x1b[2J", ("name",), [["[red]x\x1b[31m"]])
    out = capsys.readouterr().out
    assert "[red]x\\x1b[31m" in out and "a\\x1b[2J" in out and "\x1b" not in out
