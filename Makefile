# Every task of the project, one line each: `make help`. Set-up is automatic: each target makes what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --require-hashes --no-deps
export PYTHONDONTWRITEBYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help run setup test unit docs download faults lint format lock bench-e2e bench-ingest bench-sink clean distclean

help:  ## list every task
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.local  ## start Kafka, ClickHouse and the three services on 127.0.0.1; Ctrl-C stops everything
	@$(BIN)/python -m deploy.local run

setup: $(VENV)/.dev  ## make the virtual environment with every tool of a developer

test: $(VENV)/.dev lint  ## lint, type-check and run every test against the real Kafka and ClickHouse
	@$(BIN)/python -m deploy.local download
	@$(BIN)/python -m pytest tests -n 2 --dist loadfile

faults: $(VENV)/.dev  ## kill, stop, cut off and starve servers and sinks, and count every row: 90 minutes at most
	@$(BIN)/python -m deploy.local download
	@FAULTS_MINUTES=$${FAULTS_MINUTES:-5} $(BIN)/python -m pytest tests/faults --session-timeout=5400

download: $(VENV)/.local  ## fetch Kafka and ClickHouse into the cache and verify them; the rest works offline then
	@$(BIN)/python -m deploy.local download

unit: $(VENV)/.dev  ## the tests that need no network: a few seconds
	@$(BIN)/python -m pytest tests/unit -q

lint: $(VENV)/.dev  ## ruff, mypy --strict and the layout's import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/.local  ## write docs/configuration.md again, from the settings' own words
	@$(BIN)/python -m docs.generate_configuration

format: $(VENV)/.dev  ## format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-e2e: $(VENV)/.dev  ## end to end: actions per second, and the time from acknowledged to visible
	@$(BIN)/python -m bench.e2e

bench-ingest: $(VENV)/.dev  ## POST /log into Kafka, against an empty FastAPI route and against bare Kafka
	@$(BIN)/python -m bench.ingest

bench-sink: $(VENV)/.dev  ## a backlog into ClickHouse, against fetching alone and against ClickHouse's Kafka engine
	@$(BIN)/python -m bench.sink

lock: $(VENV)/.dev  ## resolve the dependencies again into requirements/*.txt, with hashes
	@for set in services local dev; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $$([ $$set = services ] || echo --extra $$set) \
	    pyproject.toml -o requirements/$$set.txt || exit 1; done

clean: $(VENV)/.local  ## remove the local stack's data (topics, tables, logs)
	@$(BIN)/python -m deploy.local clean

distclean: clean  ## remove the data and the virtual environment too; the cache of downloads stays
	@rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Actionlog needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make virtual environments here; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.local: requirements/local.txt | $(VENV)/bin/python
	@echo "Installing what 'make run' needs (first time: about 150 MB)"
	@$(PIP) -r requirements/local.txt -q --progress-bar on && touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what 'make test' needs"
	@$(PIP) -r requirements/dev.txt -q --progress-bar on && touch $@ $(VENV)/.local
