"""Every label stands in the Chinese catalogue, and nothing else does."""

import string

import pytest
from babel.messages.pofile import read_po
from messages import collected
from reading import unset

from dlviz.drawing.grammar.mathematics import outline
from dlviz.formulas import parts, plain
from dlviz.language import HERE, LANGUAGES

PO = {lang: HERE / "locale" / lang / "LC_MESSAGES" / "dlviz.po" for lang in LANGUAGES if lang != "en"}


@pytest.fixture(scope="module", params=PO)
def catalogue(request):
    with PO[request.param].open("rb") as file:
        return read_po(file, locale=request.param, abort_invalid=True)


@pytest.fixture(scope="module")
def messages():
    return collected()


def test_no_label_is_missing_or_left_over(catalogue, messages):
    translated = {entry.id for entry in catalogue if entry.id and entry.string}
    missing = "\n".join(f'msgid "{message}"\nmsgstr ""\n' for message in sorted(messages - translated))
    assert not missing, f"to be added to the catalogue:\n{missing}"
    assert translated <= messages, f"no longer used: {sorted(translated - messages)}"
    assert not [entry.id for entry in catalogue if entry.fuzzy]


def test_placeholders_are_the_same(catalogue):
    def fields(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    different = [entry.id for entry in catalogue if entry.id and fields(entry.id) != fields(entry.string)]
    assert not different


def test_labels_are_written_without_underscores_and_carets(catalogue):
    assert not [text for entry in catalogue for text in (entry.id, entry.string) if text and unset(text)]


def test_mathematics_of_labels_can_be_typeset_and_told(catalogue):
    texts = {text for entry in catalogue for text in (entry.id, entry.string) if text and "$" in text}
    assert len(texts) > 20
    for text in texts:
        assert "$" not in plain(text)
        assert all(outline(formula, 20.0).path for formula in parts(text)[1::2])


def test_sources_are_read(messages):
    # One of each way in which a message id can stand in the sources.
    assert {"Home", "Learning rate", "Surface and paths", "theory", "Condition number at the minimum"} <= messages
