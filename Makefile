# make run | test | thumbnails | bench | load | soak.  Works from a fresh clone; what is done already is not done again.

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := run
.PHONY: run test thumbnails bench load soak

run: .venv/.installed-run
	$(BIN)/streamlit run app.py

# The browser script makes the loud line; the tests themselves decide whether to skip or to fail.
test: .venv/.installed-dev
	@.ci/browser
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	@# A process for each core, up to four, for each takes a gigabyte; tests/helpers/groups.py tells what stays together.
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder --concept-seconds 300

thumbnails: .venv/.installed-run
	$(BIN)/python -m dlviz.thumbnails

# Minutes each, on a machine that does nothing else meanwhile: what docs/benchmarks.md and docs/reliability.md quote.
bench: .venv/.installed-dev
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/compute.py
	$(BIN)/python benchmarks/gpu.py

load: .venv/.installed-dev
	for part in class uncached cores drag cut; do $(BIN)/python benchmarks/class_load.py $$part || exit 1; done
	$(BIN)/python benchmarks/memory.py pages

# Hours: all tampered links, values and figures, the dearest links, and half an hour of a class at work.
soak: .venv/.installed-dev
	$(BIN)/pytest -m long
	$(BIN)/python benchmarks/memory.py links
	$(BIN)/python benchmarks/memory.py soak

.venv/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@# Debian keeps a part of venv in a package of its own.
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update && apt-get install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed-run: .venv/.made requirements.txt
	$(BIN)/python -m pip install -r requirements.txt
	@# Compiled once and kept on disk, so that the first visitor need not wait for it.
	$(BIN)/python -c 'from dlviz.engine.descent import descent; descent.prepare()'
	@touch $@

.venv/.installed-dev: .venv/.installed-run requirements-dev.txt
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@
