# Every task of the project, one line each: `make help`. Set-up is automatic: each target makes what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --require-hashes --no-deps
export PYTHONDONTWRITEBYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help run demo explorer emitter setup test unit docs download faults test-browser images test-containers audit sbom licenses lint-deploy lint format lock bench-e2e bench-ingest bench-sink bench-query bench-emitter clean distclean

help:  ## list every task
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

run: $(VENV)/.local explorer  ## start Kafka, ClickHouse and the three services on 127.0.0.1; Ctrl-C stops everything. BROKERS=3
	@$(BIN)/python -m deploy.local run $(if $(BROKERS),--brokers $(BROKERS))

demo: $(VENV)/.local  ## beside `make run`: the customers of a simulated shop, so that there is something to look at
	@$(BIN)/python -m deploy.demo

explorer: browser/explorer/dist/.built  ## build the page that query_api serves at /
emitter: browser/emitter/dist/.built  ## build the script for pages, browser/emitter/dist, and hold it to its 4 KB

setup: $(VENV)/.dev  ## make the virtual environment with every tool of a developer

test: $(VENV)/.dev lint  ## lint, type-check and run every test against the real Kafka and ClickHouse
	@$(BIN)/python -m deploy.local download
	@$(BIN)/python -m pytest tests -n 2 --dist loadfile

FAULTS ?= tests/faults
faults: $(VENV)/.dev  ## kill, stop, cut off and starve servers and sinks, and count every row: 90 minutes at most
	@$(BIN)/python -m deploy.local download
	@FAULTS_MINUTES=$${FAULTS_MINUTES:-5} $(BIN)/python -m pytest $(FAULTS) --session-timeout=5400

test-browser: $(VENV)/.dev explorer emitter  ## the explorer and the emitter in Chromium, as people use them, on the real stack
	@$(BIN)/python -m deploy.local download
	@$(BIN)/python -m pytest tests/browser -n 2 --dist loadfile

images:  ## build the images of the services and the setup, actionlog/<service>:VERSION (default 0.1.0)
	@for target in producer-api consumer query-api setup; do \
	  docker build -q -f deploy/docker/Dockerfile --target $$target -t $${ACTIONLOG_REGISTRY:-actionlog}/$$target:$${ACTIONLOG_VERSION:-0.1.0} \
	    --build-arg PYTHON_IMAGE=$${PYTHON_IMAGE:-python:3.13-slim} --build-arg VERSION=$${ACTIONLOG_VERSION:-0.1.0} \
	    --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) . || exit 1; done

test-containers: $(VENV)/.dev images  ## the images with Kafka and ClickHouse in containers, end to end; needs Docker
	@$(BIN)/python -m pytest tests/containers --session-timeout=1500

AUDIT ?= pypi
audit: $(VENV)/.dev  ## known holes in what the images install, from PyPI's advisories; AUDIT=osv asks osv.dev instead
	@$(BIN)/pip-audit --strict --vulnerability-service $(AUDIT) --require-hashes --no-deps --disable-pip --progress-spinner off \
	  -r requirements/services.txt || { echo "holes, or no answer from the service ('not found', 'connection'): see above" >&2; exit 1; }

sbom: $(VENV)/.dev  ## the parts list of the images as CycloneDX, into dist/actionlog.cdx.json
	@mkdir -p dist && $(BIN)/cyclonedx-py requirements requirements/services.txt --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --of JSON -o dist/actionlog.cdx.json && echo dist/actionlog.cdx.json

licenses: $(VENV)/.dev  ## write docs/licenses.md: the licence of every package in the images
	@$(BIN)/python -m docs.generate_licenses

lint-deploy: $(VENV)/.dev  ## hadolint on the Dockerfile, shellcheck on every shell script
	@$(BIN)/hadolint deploy/docker/Dockerfile
	@$(BIN)/shellcheck --severity=style .ci/run $$(git ls-files '*.sh')

download: $(VENV)/.local explorer  ## fetch Kafka and ClickHouse into the cache and verify them; the rest works offline then
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

bench-emitter: $(VENV)/.dev emitter  ## what emit() costs a page, in Chromium
	@$(BIN)/python -m bench.emitter

bench-query: $(VENV)/.dev  ## GET /log over 20 million actions, beside the same SQL straight to ClickHouse
	@$(BIN)/python -m bench.query

lock: $(VENV)/.dev  ## resolve the dependencies again into requirements/*.txt, with hashes
	@for set in services local dev; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $$([ $$set = services ] || echo --extra $$set) \
	    pyproject.toml -o requirements/$$set.txt || exit 1; done

clean: $(VENV)/.local  ## remove the local stack's data (topics, tables, logs)
	@$(BIN)/python -m deploy.local clean

distclean: clean  ## remove the data and the virtual environment too; the cache of downloads stays
	@rm -rf $(VENV)

# Node comes with the virtual environment, so that nobody needs to have one. What npm says is shown when it fails.
build = (cd browser/$(1) && PATH="$(abspath $(BIN)):$$PATH" && said=$$( (test node_modules/.package-lock.json -nt package-lock.json || npm ci) 2>&1 && npm run build 2>&1) || { echo "$$said" >&2; exit 1; })
sources = $(shell find browser/$(1) \( -name node_modules -o -name dist \) -prune -o -type f -print)

browser/explorer/dist/.built: $(VENV)/.local $(call sources,explorer)
	@echo "Building the explorer"
	@$(call build,explorer) && touch $@

browser/emitter/dist/.built: $(VENV)/.local $(call sources,emitter)
	@echo "Building the emitter"
	@$(call build,emitter) && (cd browser/emitter && $(abspath $(BIN))/node size.mjs) && touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Actionlog needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.13 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make virtual environments here; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.local: requirements/local.txt | $(VENV)/bin/python
	@echo "Installing what 'make run' needs (first time: about 150 MB)"
	@$(PIP) -r requirements/local.txt -q --progress-bar on && touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what 'make test' needs"
	@$(PIP) -r requirements/dev.txt -q --progress-bar on && touch $@ $(VENV)/.local
