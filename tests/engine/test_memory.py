"""Memory goes back to the system, in processes of their own: what this one holds free decides nothing there."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators decide for themselves")


def said_by(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True).stdout


HELD = """
import sys
from pathlib import Path
from dlviz.engine.runtime import compute_lock

def held():
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

compute_lock.FREES = float(sys.argv[1])
before = held()
with compute_lock.compute_lock():
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    full = held()
    above = bytearray(b"x") * 100_000  # keeps the allocator from giving back what lies below
    del blocks
print(full - before, held() - before)
"""


STOPPED = """
from pathlib import Path
from dlviz.engine.runtime import compute_lock

def held():
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

def run():
    global above, full
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    full = held()
    above = bytearray(b"x") * 100_000
    raise InterruptedError

compute_lock.FREES = 0
before = held()
try:
    with compute_lock.compute_lock():
        run()
except InterruptedError:
    print(full - before, held() - before)
"""


def test_a_stopped_computation_returns_all_that_it_held_before_its_error_is_dealt_with():
    full, left = map(int, said_by(STOPPED).split())
    assert full > 50e6 > 20e6 > left


def test_a_long_computation_returns_the_memory_that_it_has_freed():
    full, left = map(int, said_by(HELD, "0").split())
    assert full > 50e6 > 20e6 > left
    full, left = map(int, said_by(HELD, "inf").split())
    assert full > 50e6 and left > 50e6, "the allocator returns it by itself: nothing is shown above"


ARENAS = """
import ctypes, sys, threading
from dlviz.engine.runtime import memory

if sys.argv[1] == "few":
    memory.few_arenas()
together = threading.Barrier(6)

def hold():
    kept = bytearray(50_000)
    together.wait()
    assert kept is not None

threads = [threading.Thread(target=hold) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def test_threads_share_two_heaps():
    assert said_by(ARENAS, "few").count("<heap nr=") <= 2 < said_by(ARENAS, "many").count("<heap nr=")
