# make run | make test | make thumbnails.  Works from a fresh clone; what is done already is not done again.

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := run
.PHONY: run test thumbnails

run: .venv/.installed-run
	$(BIN)/streamlit run app.py

# The browser script makes the loud line; the tests themselves decide whether to skip or to fail.
test: .venv/.installed-dev
	@.ci/browser
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@# A process for each core, up to four, for each takes a gigabyte; a file's tests stay together.
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

thumbnails: .venv/.installed-run
	$(BIN)/python -m dlviz.thumbnails

.venv/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@# Debian keeps a part of venv in a package of its own.
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed-run: .venv/.made requirements.txt
	$(BIN)/python -m pip install -r requirements.txt
	@# Compiled once and kept on disk, so that the first visitor need not wait for it.
	$(BIN)/python -c 'from dlviz.engine import compiled; compiled.prepare()'
	@touch $@

.venv/.installed-dev: .venv/.installed-run requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@
