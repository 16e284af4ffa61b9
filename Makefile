# `make run` sets up and does the main job; `make test` sets up and runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -q -c constraints.txt

.PHONY: run test test-cuda lint clean

run: $(VENV)/run.done
	@mkdir -p out
	$(BIN)/archdsl check lenet5 lenet5_1998
	$(BIN)/archdsl summary lenet5
	$(BIN)/archdsl draw lenet5 -o out/lenet5.svg
	$(BIN)/archdsl build lenet5 --verify -o out/lenet5.py
	$(BIN)/python examples/train_lenet5.py out/lenet5.py

test: $(VENV)/test.done
	$(BIN)/python -m pytest -n auto

test-cuda: $(VENV)/test.done
	ARCHDSL_CUDA=1 $(BIN)/python -m pytest tests/test_cuda.py

lint: $(VENV)/test.done
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m archdsl.dev check

$(VENV)/run.done: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[examples]'
	@touch $@

$(VENV)/test.done: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[examples,jupyter,onnx,pdf,place,plot,train,dev]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) out
