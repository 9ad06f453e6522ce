"""A typed formula takes little time on the whole of its way: run, texts, code and figures. One run at a time computes
for everybody, so that a formula that takes for ever would stop every page.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 10
"""Of computing for one formula; the slowest that is known takes four."""
FORMULAS = [
    "((x+y)^2+sin(3x))^12/((x-y)^2+cos(3y))^11",
    "((x+y)^2+exp(x))^12/((x-y)^2+exp(y))^12*((x+2y)^2+exp(x))^12/((x-2y)^2+exp(y))^12",
    "((x+y)^2+sin(3x))^12/((x-y)^2+cos(3y))^11+((x+2y)^2+sin(5x))^12/((x-2y)^2+cos(5y))^11",
    "(x+1/y)^12*(y+1/x)^12*(x+2/y)^12*(y+2/x)^12*(x+3/y)^12",
    "tan(x y " * 10 + "x" + ")" * 10,
    "*".join(f"sin({i}x y)" for i in range(1, 19)),
    "tan(tan(x)/tan(y))/tan(tan(y)/tan(x))*tan(tan(x)/tan(y))/tan(tan(y)/tan(x))",
    "1/sin(70x)/sin(70y)",
    "tan(99x)*tan(99y)",
]

CHILD = """
import sys, time
from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.ui.page.charts import prepared

concept = catalog.concepts()["loss_surfaces"]
experiment, figures = concept.experiment, concept.figures
for expression in sys.argv[1:]:
    begin = time.process_time()
    settings = experiment.Settings(surface="Custom", expression=expression, panels=("Inside the rule",))
    result = experiment.run(settings)
    said = [*experiment.facts(result), *experiment.notice(result), *experiment.readouts(result)]
    assert max(len(str(note)) for note in said) < 10_000, "too long to be typeset"
    experiment.code(result)
    for name in figures.shown(settings):
        prepared(figures.FIGURES[name].draw([Run(result)], Look()), "")
    print(time.process_time() - begin, flush=True)
"""


def test_the_slowest_known_formulas_are_run_told_and_drawn_soon():
    begun = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CHILD, *FORMULAS],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        out, err = begun.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        begun.kill()
        out, err = begun.communicate()
    took = dict(zip(FORMULAS, map(float, out.split()), strict=False))
    if len(took) < len(FORMULAS):
        pytest.fail(f"{FORMULAS[len(took)]} did not end: {err[-2000:]}")
    assert max(took.values()) < SECONDS, took
