# Every command does its own set-up: a virtual environment in .venv with what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-run
TEST_READY := $(VENV)/.ready-test

.PHONY: run test lint sample clean

run: $(RUN_READY) ## build the bundled sample crawl and print what was built
	$(BIN)/python -m beam_jobs.build_cc100

test: $(TEST_READY) lint ## check style, types and layers, then run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

sample: $(TEST_READY) ## make the sample crawl anew from its texts
	$(BIN)/python -m ccnet_pipeline.sample

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[beam]'
	touch $@

$(TEST_READY): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(RUN_READY)

clean: ## remove the virtual environment and what the sample left
	rm -rf $(VENV) cc100-sample
