PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -q -c constraints.txt
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
COVERAGE := --cov=archdsl --cov-branch --cov-report=term:skip-covered --cov-fail-under=95

.PHONY: help dev run test test-long test-cuda lint clean
.DEFAULT_GOAL := help

help: ## Show this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

dev: $(VENV)/test.done ## Set up a developer: environment, all extras, hooks of git
	@if git rev-parse --git-dir >/dev/null 2>&1; then $(BIN)/pre-commit install; else echo "no git: no hooks"; fi

run: $(VENV)/run.done ## Check, draw and build LeNet-5, and train it on digits
	@mkdir -p out
	$(BIN)/archdsl check lenet5 lenet5_1998
	$(BIN)/archdsl summary lenet5
	$(BIN)/archdsl draw lenet5 -o out/lenet5.svg
	$(BIN)/archdsl build lenet5 --verify -o out/lenet5.py
	$(BIN)/python examples/train_lenet5.py out/lenet5.py

test: $(VENV)/test.done ## Run the tests that CI runs, 5 minutes on two cores
	$(PYTEST)

test-long: $(VENV)/test.done ## Run all tests and measure their coverage; TOPIC=train runs those of tests/test_train*.py
	$(PYTEST) -m "long or not long" $(if $(TOPIC),tests/test_$(TOPIC)*.py,$(COVERAGE))

test-cuda: $(VENV)/test.done ## Run the tests that need a CUDA device
	ARCHDSL_CUDA=1 $(BIN)/python -m pytest tests/test_cuda.py

lint: $(VENV)/test.done ## Check format, style, types, imports and generated files
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m archdsl.dev check

clean: ## Remove the environment and what `make run` wrote
	rm -rf $(VENV) out

$(VENV)/run.done: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[examples]'
	@touch $@

$(VENV)/test.done: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[examples,jupyter,onnx,pdf,place,plot,train,dev]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
