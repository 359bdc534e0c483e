# make demo | make test | make lint | make coverage: each sets up what it needs in $(VENV) first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.zoobot-ready
INSTALL ?= $(BIN)/python -m pip install --quiet
LINT ?= lint

.PHONY: demo test lint coverage
demo: $(READY)
	$(BIN)/zoobot demo --out demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(READY) $(LINT)
	$(BIN)/pytest -n 2

coverage: $(READY)
	$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered --cov-report=html

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(INSTALL) --editable '.[dev,imagenet]'
	touch $@
