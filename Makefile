# Everything runs in $(VENV), made on first use; stamp files keep repeated calls from installing again.
VENV ?= .venv
PYTHON ?= python3

PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install -q --disable-pip-version-check -c constraints.txt

.NOTPARALLEL:
.PHONY: demo embed test lint train bench conformance models prune-proof clean

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

PRUNED := resnet18 resnet50 mobilenetv2 densenet121-like onnx-shufflenet onnx-inception-v2 onnx-squeezenet \
	onnx-vgg19 unet efficientnet-like vit-tiny bert-base

# Masked is shrunk, on models in build/models (make models): in f64, and natively.
prune-proof: $(VENV)/.installed-bench
	for model in $(PRUNED); do for residuals in coupled indexed; do \
	  $(PY) -m tenonc.tools.tenonc prune build/models/$$model.onnx --ratio 0.3 --residuals $$residuals --verify || exit 1; \
	done; done

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
