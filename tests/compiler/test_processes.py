"""Processes of a pool end with their parent."""

import os
import subprocess
import sys
import time

from tenonc.compiler.processes import process_pool

PARENT = """
import os, time
from tenonc.compiler.processes import process_pool
if __name__ == "__main__":
    pool = process_pool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_what_runs_in_a_pool_runs_in_another_process():
    with process_pool(1) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()


def test_a_process_ends_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + 20
    while _runs(child):
        assert time.monotonic() < end, "the child goes on without its parent"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:  # one that nobody waits for stays as a zombie
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
