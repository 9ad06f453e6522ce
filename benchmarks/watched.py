"""`streamlit run` under observation: how many computations are under way at once, seen from inside the server.

    DLVIZ_WATCH=/tmp/seen.json python benchmarks/watched.py run app.py ...

A thread looks at the stacks of all others every few milliseconds and writes down, for every look, how many of them
were in a run of studies and how many waited for the compute lock. Nothing in the app knows of it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path

LOOK_SECONDS = 0.01
WRITE_SECONDS = 0.25
_LOCK = "compute_lock.py"


def watch(file: Path) -> None:
    """Look at the stacks for ever; ``file`` holds how often which number of threads was seen at what."""
    seen: dict[str, Counter[int]] = {"computing": Counter(), "waiting": Counter()}
    written = 0.0
    while True:
        time.sleep(LOOK_SECONDS)
        counts = Counter(_doing(frame) for frame in sys._current_frames().values())
        for what, counter in seen.items():
            counter[counts[what]] += 1
        if time.monotonic() - written > WRITE_SECONDS:
            written = time.monotonic()
            beside = file.with_suffix(".new")
            beside.write_text(json.dumps(seen))
            beside.replace(file)


def _doing(frame) -> str:
    """What a thread does, by the functions that it is in: nothing of interest is ""."""
    while frame is not None:
        code = frame.f_code
        file, name = os.path.basename(code.co_filename), code.co_name  # noqa: PTH119  a hundred thousand a second
        if file == _LOCK:
            return "waiting"
        if name == "_run" and file == "studies.py":
            return "computing"
        frame = frame.f_back
    return ""


if __name__ == "__main__":
    from streamlit.web.cli import main

    threading.Thread(target=watch, args=(Path(os.environ["DLVIZ_WATCH"]),), daemon=True).start()
    main()
