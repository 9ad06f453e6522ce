"""The scripts behind "Code", run as a reader would run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache

# It imports what takes seconds, and does nothing with it; a copy of it runs the scripts of one call and ends.
_RUNNER = """
import contextlib, io, json, os, sys, traceback
import numpy, sklearn.datasets, torch

def run(scripts):
    said = {}
    for name, script in scripts.items():
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(script, name, "exec"), {"__name__": "__main__"})
        said[name] = out.getvalue()
    return said

for line in sys.stdin:
    copy = os.fork()
    if not copy:
        try:
            answer = {"said": run(json.loads(line))}
        except BaseException:
            answer = {"wrong": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
        os._exit(0)
    status = os.waitpid(copy, 0)[1]
    if status:
        print(json.dumps({"wrong": f"ended with {status}"}), flush=True)
"""


@cache
def _interpreter() -> subprocess.Popen[str]:
    """The one of this test process; it ends with it, for then its input does."""
    return subprocess.Popen(
        [sys.executable, "-c", _RUNNER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def printed(scripts: Mapping[str, str]) -> dict[str, list[str]]:
    """The lines that each script prints where dlviz is not used.

    One after another in a copy of an interpreter that has run nothing, each with names of its own: importing torch and
    scikit-learn is what takes time, and is done once for all concepts.
    """
    assert "dlviz" not in "".join(scripts.values())
    interpreter = _interpreter()
    try:
        print(json.dumps(dict(scripts)), file=interpreter.stdin, flush=True)
        answer = json.loads(interpreter.stdout.readline())
    except BaseException:  # the time is over, or it has ended: what it may still say is not for the next who asks
        _interpreter.cache_clear()
        os.killpg(interpreter.pid, signal.SIGKILL)
        interpreter.wait()
        raise
    assert "said" in answer, answer["wrong"]
    return {name: said.splitlines() for name, said in answer["said"].items()}
