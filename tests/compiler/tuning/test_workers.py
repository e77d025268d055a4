"""The processes of a search: a task that kills its process costs the task."""

import os
import signal
import subprocess
import sys
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tenonc.compiler.tuning.workers import DIED, Workers
from tenonc.dialects.errors import TenonError


def double(item):
    if item == 13:
        os._exit(1)
    if item == 7:
        raise TenonError("seven is\nunlucky")
    return 2 * item


@pytest.fixture
def workers():
    made = Workers()
    yield made
    made.close()


def test_a_process_that_dies(workers: Workers):
    assert workers.build(double, [1, 13, 7, 4]) == [2, DIED, "TenonError: seven is unlucky", 8]
    assert workers.build(double, [5]) == [10]
    assert workers.measure(double, 13) == DIED
    assert workers.measure(double, 7) == "TenonError: seven is unlucky"
    assert workers.measure(double, 3) == 6
    assert workers.measure(os.getpid) == workers.measure(os.getpid) != os.getpid()


PARENT = """
import os, signal
from tenonc.compiler.tuning.workers import Workers
if __name__ == "__main__":
    workers = Workers()
    print(workers.measure(os.getpid), *workers.build(abs, [1]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    # Ends when nobody holds the pipe any more: neither the parent nor a process of its.
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, timeout=60)
    child, one = map(int, done.stdout.split())
    assert done.returncode == -signal.SIGKILL and one == 1 and _has_ended(child)


def _has_ended(process: int) -> bool:
    """Whether it is gone, or only waits for somebody to take note of it: the first process of a container may
    never do."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_an_executor_of_the_callers(monkeypatch):
    with ThreadPoolExecutor(2) as pool:
        workers = Workers(pool)
        assert workers.build(double, [1, 2, 7]) == [2, 4, "TenonError: seven is unlucky"]
        workers.close()
        assert pool.submit(double, 1).result() == 2  # it is not ours to end


class Broken(Executor):
    def submit(self, fn, /, *args, **kwargs):
        raise BrokenExecutor("a process died")


def test_a_broken_executor_of_the_callers_ends_the_search():
    with pytest.raises(TenonError, match="^the executor is broken: a process of it died$"):
        Workers(Broken()).build(double, [1])
