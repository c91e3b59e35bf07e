# Every target works first thing on a fresh clone; `make setup` is the only step that needs a package registry.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with all that running, testing and checking need

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml requirements/setup
	@requirements/setup $(VENV)
	@touch $@

run: $(STAMP) ## Make two snapshots on this machine and query them: USERS= CHAIN= DATE= change it
	@exec $(PY) -m sandbox.demo $(if $(USERS),--users $(USERS)) $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE))

test: $(STAMP) ## Run all tests with branch coverage
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -n 2
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

check: $(STAMP) ## Format, lint, strict types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

clean: ## Remove what the other targets made
	@rm -rf $(VENV) .tools .aws-sam .sandbox .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup run test check clean
