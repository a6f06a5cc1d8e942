# The commands of CalciWatch. Needs make and Python 3.11 or newer; everything else is fetched into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install install-dev run test lint format types contracts bench docs clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
TESTS ?= tests
# Two workers by default: more start more databases than they save time.
WORKERS ?= 2
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
export PYTHONUNBUFFERED := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

help: ## Show this list
	@echo "CalciWatch: decision support for uraemic tumoral calcinosis."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "$(PYTHON) was not found. Install Python 3.11 or newer, or run: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is `$(PYTHON) --version 2>&1`; CalciWatch needs 3.11 or newer. Run: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

$(STAMP_DEV): requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $(STAMP) $@

install: $(STAMP) ## Install what CalciWatch needs into .venv

install-dev: $(STAMP_DEV) ## Install what tests and checks need, too

run: $(STAMP) ## Start everything on this machine: broker, web, worker, beat (Ctrl-C stops)
	@exec $(BIN)/python manage.py up

test: $(STAMP_DEV) ## Run the tests on PostgreSQL and print what was skipped, and why
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

lint: $(STAMP_DEV) ## Check style of code and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --quiet --lint project monitoring alerts

format: $(STAMP_DEV) ## Bring the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP_DEV) ## Check types (mypy, strict)
	$(BIN)/mypy

contracts: $(STAMP_DEV) ## Check import contracts, migrations and configuration
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

bench: $(STAMP_DEV) ## Measure judging from database to alerts, on PostgreSQL and SQLite
	$(BIN)/python -m tests.bench

docs: $(STAMP) ## Write docs/rules.md from the catalogue of rules
	$(BIN)/python manage.py write_rules_doc

clean: ## Remove the virtual environment and caches (not the data folder)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
