# Everything runs in $(VENV), made on first use; stamp files keep repeated calls from installing again.
VENV ?= .venv
PYTHON ?= python3

PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install -q --disable-pip-version-check -c constraints.txt

.NOTPARALLEL:
.PHONY: demo embed test lint train bench conformance models clean

demo: $(VENV)/.installed-demo
	$(PY) examples/digits/demo.py

embed: $(VENV)/.installed-demo
	$(PY) -m tenonc.tools.tenonc compile examples/digits/digits.onnx --emit so -o build/embed/digits.so
	cc -Wall -O2 -Ibuild/embed examples/embed/main.c build/embed/digits.so '-Wl,-rpath,$$ORIGIN' -o build/embed/main
	build/embed/main

test: lint
	$(PY) -m pytest -q -n 2

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pyright --pythonpath $(PY)

train: $(VENV)/.installed-torch
	$(PY) examples/digits/train.py

bench: $(VENV)/.installed-demo
	$(PY) -m tenonc.tools.tenonc bench --kernels $(ARGS)

conformance: $(VENV)/.installed-demo
	$(PY) -m tenonc.tools.tenonc conformance --group all --json build/conformance.json $(ARGS)

models: $(VENV)/.installed-bench
	$(PY) -m tenonc.tools.tenonc models export all -o build/models

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Tenon needs python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml constraints.txt | $(PY)
	$(INSTALL) -e '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
