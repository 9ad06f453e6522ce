"""The scripts behind "Code", run as a reader would run them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

_RUNNER = """
import contextlib, io, json, sys
said = {}
for name, script in json.load(sys.stdin).items():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(script, name, "exec"), {"__name__": "__main__"})
    said[name] = out.getvalue()
json.dump(said, sys.stdout)
"""


def printed(scripts: Mapping[str, str]) -> dict[str, list[str]]:
    """The lines that each script prints where dlviz is not used.

    In one fresh interpreter, one after another and each with names of its own: importing torch is what takes time.
    """
    assert "dlviz" not in "".join(scripts.values())
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER], input=json.dumps(scripts), capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return {name: said.splitlines() for name, said in json.loads(done.stdout).items()}
