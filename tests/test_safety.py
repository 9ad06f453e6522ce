"""What a visitor sends is never run, and no page carries script: the sources have none of the ways to it.

Ruff's security rules (S) forbid the general ones; these are the ones that belong to the libraries used here.
"""

import ast
from pathlib import Path

import pytest
from conftest import ROOT

SOURCES = sorted([ROOT / "app.py", *(ROOT / "dlviz").rglob("*.py"), *(ROOT / "pages").glob("*.py")])
CALLS = {
    "eval", "exec", "compile", "__import__", "__builtins__", "load", "loads", "literal_eval", "read_pickle",
    "to_pickle", "sympify", "parse_expr", "parse_latex", "system", "popen", "iframe",
}  # fmt: skip
"""Last parts of names. They are not even to be passed on: ``e = eval`` calls nothing yet."""
OPTIONS = {"unsafe_allow_html", "unsafe_allow_javascript", "allow_pickle", "shell"}
MODULES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib", "streamlit.components",
}  # fmt: skip
ALLOWED = {"json.loads", "json.load", "re.compile", "builder.load"}  # LLVM's builder loads a number
HTML_SECOND = {"markdown", "caption"}
"""Streamlit's, whose second argument is ``unsafe_allow_html``."""
USUAL = {"st": "streamlit"}


def aliases(tree: ast.AST) -> dict[str, str]:
    """What imported names stand for: ``{"l": "torch.load"}`` after ``from torch import load as l``."""
    known = dict(USUAL)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def full(node: ast.AST, known: dict[str, str]) -> str:
    """The full name that a name or an attribute has; "" for anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    return f"{full(node.value, known)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def forbidden(name: str) -> bool:
    if name in ALLOWED:
        return False
    return name.rpartition(".")[2] in CALLS or any(f"{name}.".startswith(f"{module}.") for module in MODULES)


def found(tree: ast.AST) -> list[str]:
    """The forbidden things in a source."""
    known, names, bad = aliases(tree), [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            names.append(full(node, known))
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            bad += [word.arg for word in node.keywords if word.arg in OPTIONS]
            called = full(node.func, known)
            if called.rpartition(".")[2] in HTML_SECOND and not called.startswith("dlviz."):
                unseen = any(isinstance(part, ast.Starred) for part in node.args)
                unseen |= any(word.arg is None for word in node.keywords)
                bad += [called] * (unseen or len(node.args) > 1)
    return bad + [name for name in names if forbidden(name)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_way_to_run_what_was_sent(path: Path):
    assert not found(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)", "torch.load(file)", "numpy.load(file, allow_pickle=True)",
        "st.markdown(text, unsafe_allow_html=True)",
        "st.html(text, unsafe_allow_javascript=True)", "import pickle", "from pickle import loads",
        "import streamlit.components", "subprocess.run(text, shell=True)",
        "import streamlit.components.v1 as components", "from streamlit import components",
        "from streamlit.components import v1", "from streamlit.components.v1 import html",
        "st.components.v1.html(text)", "import streamlit as s; s.components.v2.component(js=text)", "st.iframe(text)",
        "st.markdown(text, True)", "place.caption(text, True)", "st.markdown(*parts)", "st.markdown(text, **options)",
        "from torch import load as l", "import pickle as p", "import _pickle", "pandas.read_pickle(file)",
        "e = eval", "run = [exec]", "builtins.eval(text)", "__builtins__['eval'](text)",
        "from builtins import eval as e", "sympy.sympify(text)", "sympy.parse_expr(text)",
        "from sympy.parsing.sympy_parser import parse_expr as p",
        "os.system(text)", "from os import system as s", "os.popen(text)",
    ],
)  # fmt: skip
def test_the_check_sees_them(source):
    assert found(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "json.loads(text)", "re.compile(text)", "st.markdown(text, help=text)",
        "from dlviz import record; record.caption(1, 2)", "model.evaluate(x)", "self.components", "import codecs",
    ],
)  # fmt: skip
def test_the_check_lets_others_pass(source):
    assert not found(ast.parse(source))
