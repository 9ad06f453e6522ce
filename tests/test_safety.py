"""What a visitor sends is never run, and no page carries script: the sources have none of the ways to it.

Ruff's security rules (S) forbid the general ones; these are the ones that belong to the libraries used here.
"""

import ast
from pathlib import Path

import pytest
from conftest import ROOT

SOURCES = sorted([ROOT / "app.py", *(ROOT / "dlviz").rglob("*.py"), *(ROOT / "pages").glob("*.py")])
CALLS = {"eval", "exec", "compile", "__import__", "load", "loads", "literal_eval"}
OPTIONS = {"unsafe_allow_html", "unsafe_allow_javascript", "allow_pickle", "shell"}
MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib", "streamlit.components"}
ALLOWED = {"json.loads", "json.load", "re.compile"}


def name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def found(tree: ast.AST) -> list[str]:
    """The forbidden things in a source."""
    bad = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = name(node.func)
            if called.rsplit(".", 1)[-1] in CALLS and called not in ALLOWED:
                bad.append(called)
            bad += [word.arg for word in node.keywords if word.arg in OPTIONS]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            bad += [module for module in [getattr(node, "module", None), *names] if module in MODULES]
    return bad


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
    ],
)  # fmt: skip
def test_the_check_sees_them(source):
    assert found(ast.parse(source))
