"""What breaks beneath the app: the export's process, numba's cache. And what of an error is not for visitors."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from dlviz.drawing.export import files
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.theme import Look
from dlviz.language import LANGUAGES
from dlviz.ui.page import errors

from .test_faults import PATH, exporting, quiet


def no_process(*_arguments, **_named):
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), PATH)


def no_thread(_thread):
    raise RuntimeError("can't start new thread")


READ = "import os, sys, time; sys.stdin.readline(); "
EXPORTS = {
    "dies at once": ("import os; os._exit(1)", files.ENDED),
    "is killed": (READ + "os.kill(os.getpid(), 9)", files.ENDED),
    "ends without a word": (READ, files.ENDED),
    "ends within its answer": (READ + "print('done 1000'); print('<svg')", files.ENDED),
    "gives garbage": (READ + "print('garbage')", files.NO_FILE),
    "gives no file": (READ + "print('done 4\\nnone', end='')", files.NO_FILE),
    "refuses": (READ + "print('refused 17\\nthe spec is wrong', end='')", files.REFUSED),
    "finds no font": (READ + "print('refused 31\\nno font with Chinese characters', end='')", files.NO_CHINESE_FONT),
    "hangs": (READ + "time.sleep(60)", files.SLOW),
    "hangs within its answer": (READ + "print('done 1000', flush=True); time.sleep(60)", files.SLOW),
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", EXPORTS)
def test_an_export_that_fails_is_told_and_costs_no_turn(monkeypatch, tmp_path, case, lang):
    program, expected = EXPORTS[case]
    exporting(monkeypatch, tmp_path, program)
    for fmt in ("svg", "png", "pdf"):  # more than may be under way at once
        with pytest.raises(files.ExportError) as caught:
            files.render(message("x", Look()), fmt, timeout=1 if expected == files.SLOW else 30)
        assert caught.value.message == expected
    told = quiet(AppTest.from_function(_explained, kwargs={"error": caught.value, "lang": lang}).run()).error[0].value
    assert ("图" in told) == (lang == "zh")


@pytest.mark.parametrize(
    ("what", "fault"), [("dlviz.drawing.export.process._Process", no_process), ("threading.Thread.start", no_thread)]
)
def test_a_process_or_a_thread_that_cannot_be_started_costs_one_export(what, fault):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(what, fault)
        files.WORKER.end()
        with pytest.raises(files.ExportError) as caught:
            files.render(message("x", Look()), "svg")
    assert caught.value.message == files.NO_WORKER
    assert files.render(message("x", Look()), "svg")


def _explained(error, lang):
    from dlviz.catalog import concepts
    from dlviz.ui.page.errors import explain
    from dlviz.ui.session.address import choose_language

    choose_language(lang)
    explain(error, concepts()["loss_surfaces"].experiment.Settings)


def test_a_full_disk_under_numba_s_cache_costs_only_time(tmp_path):
    """The compiled code is not kept then, and everything runs."""
    program = """
import errno, os
from numba.core import caching

def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

caching.IndexDataCacheFile.save = full
from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.optimizers import RULES
from dlviz.engine.surfaces.named import surface
print(descent.final_loss(surface("Saddle"), [Lanes(RULES["GD"], 0.5, 0.5, 0.1)], 3))
"""
    for place in (tmp_path, "/dev/null/nowhere"):  # no room, and no place at all
        env = os.environ | {"NUMBA_CACHE_DIR": str(place), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, timeout=120,
                              check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("the start must lie on the surface", False), ("a number from 0.1 to 10, or 1/2", False),
        ("cannot read /home/someone/dlviz/x", True), ("C:\\Users\\someone\\x is missing", True),
        ('File "x", line 3', True), ("first\nsecond", True), ("see kernels.py", True), ("x / y has no value", False),
    ],
)  # fmt: skip
def test_what_is_not_for_visitors_is_known(text, inner):
    assert bool(errors._INNER.search(text)) == inner


def test_errors_are_plain_text_in_every_language():
    for text in files.MESSAGES:
        assert "{" not in text.format(given=1, allowed=2, seconds=3, code=4, format=5, reason=6)
