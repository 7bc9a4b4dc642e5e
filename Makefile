# The front door. `make` alone says what there is; nothing but Python 3.11 or later is needed beforehand.

SHELL := /bin/sh
.DEFAULT_GOAL := help
# Stages come one after another even under -j: they share two cores, one environment and one broker.
.NOTPARALLEL:

ENV := .venv
BIN := $(ENV)/bin
# Processes for the tests that need no broker.
WORKERS ?= 2
# Tests start some hundred Python processes, and each would compile all sources anew.
unexport PYTHONDONTWRITEBYTECODE
# Passed on: `make demo ARGS="--seed 7"`, `make unit ARGS="-k timeline"`.
ARGS ?=
# Choose the interpreter by hand: `make env PYTHON=/opt/python3.12/bin/python3`.
PYTHON ?=

.PHONY: help
help:  ## What there is (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

# Compared by content, not by date: a checkout of another commit changes contents, not always times. A new lock makes a
# new environment, so that nothing dropped from it stays; a changed pyproject.toml alone only installs the project again.
.PHONY: env
env:  ## The environment in .venv, exactly as locked; does nothing when it is up to date
	@cmp -s requirements.lock $(ENV)/installed.lock && $(BIN)/python -c '' 2>/dev/null \
	  || $(MAKE) --no-print-directory locked-env
	@cmp -s pyproject.toml $(ENV)/installed.toml || $(MAKE) --no-print-directory project-in-env

.PHONY: locked-env
locked-env:
	@is_tested='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	is_enough='import sys; sys.exit(sys.version_info < (3, 11))'; \
	python=''; \
	for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c "$$is_tested" 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ] && python3 -c "$$is_enough" 2>/dev/null; then \
	  python=python3; echo "Note: $$(python3 --version) is newer than what this is tested on (3.11 to 3.13)."; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or later found (python3 is: $$(python3 --version 2>&1))." >&2; \
	  echo "Install one (Debian, Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python@3.13)," >&2; \
	  echo "or name one: make env PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	echo "Making $(ENV) with $$("$$python" --version) ..."; \
	if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  "$$python" -m venv --clear $(ENV); \
	elif "$$python" -m venv --clear --without-pip $(ENV) 2>/dev/null && "$$python" -m pip --version >/dev/null 2>&1; then \
	  "$$python" -m pip --python $(BIN)/python install --disable-pip-version-check --quiet pip; \
	else \
	  rm -rf $(ENV); version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "$$python cannot make environments: Debian and Ubuntu ship that part separately." >&2; \
	  echo "Install it with: sudo apt install python$$version-venv, then run the same command again." >&2; exit 1; \
	fi
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@cp requirements.lock $(ENV)/installed.lock

.PHONY: project-in-env
project-in-env:
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet -e .
	@cp pyproject.toml $(ENV)/installed.toml
	@echo "$(ENV) is ready."

.PHONY: styles
styles: env  ## The web pages' style sheet, from npm into build/web (a wheel has it; pages do without, plainly)
	$(BIN)/python hatch_build.py

.PHONY: demo
demo: env  ## A real Kafka, a made-up county, its pages, and an oracle; ARGS="..." go to the demo
	@$(BIN)/python hatch_build.py >/dev/null || echo "The demo's pages will be plain." >&2
	$(BIN)/safety-stream demo $(ARGS)

# Types are one of the tests. Those on a real Kafka stand by themselves: what is late beside others is no finding.
.PHONY: test
test: style  ## What is claimed, tried in brief; stops at the first stage that fails
	$(MAKE) unit kafka ARGS="--brief $(ARGS)"

.PHONY: test-long
test-long: env  ## What takes long, and `test` leaves out (tests/brevity.py); continuous integration does both
	$(MAKE) unit kafka ARGS="--long $(ARGS)"

.PHONY: test-deep
test-deep: style  ## All for a night: ten times as many examples and schedules of everything that is tried at random
	$(MAKE) unit kafka ARGS="--hypothesis-profile deep $(ARGS)"

.PHONY: lint
lint: style types  ## Style, the direction of imports, and types

.PHONY: style
style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: env
	$(BIN)/mypy

.PHONY: unit
unit: env  ## Tests that need no broker
	$(BIN)/python -m pytest -m "not kafka and not browser" -n $(WORKERS) --dist worksteal $(ARGS)

.PHONY: kafka
kafka: env  ## Tests against a real Kafka, one after another (fetches it once, 45 MB)
	$(BIN)/python -m pytest -m "kafka and not browser" $(ARGS)

.PHONY: access
access: styles  ## Every web page in Chromium: axe, keyboard, zoom, forced colours, print (apt install chromium)
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

.PHONY: bench
bench: env  ## Measurements, side by side in one run
	$(BIN)/python bench/run.py $(ARGS)

.PHONY: study
study: env  ## How well the statistics find simulated outbreaks; ARGS="--replicates 100" for the paper's number
	$(BIN)/python -m bench.study $(ARGS)

# Real data lies outside the project and is asked for by nothing else.
DATA ?= ../shared/data

.PHONY: study-real
study-real: env  ## The same statistics on real data, which lies in DATA (default ../shared/data); no test needs it
	$(BIN)/python -m bench.study_real --data $(DATA) $(ARGS)

.PHONY: soak
soak: env  ## The long simulation: random orders, duplicates, crashes and restarts
	$(BIN)/python -m pytest tests/simulation --soak $(ARGS)

# The fuzzer stands beside the environment, which is exactly as locked.
.PHONY: fuzz
fuzz: env  ## Noise for everything that reads what others wrote; ARGS="--seconds 600 line" (Linux)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes --upgrade \
	  --target build/fuzzer -r fuzz/requirements.txt
	PYTHONPATH=build/fuzzer $(BIN)/python fuzz/run.py $(ARGS)

.PHONY: supply
supply:  ## A bill of materials (build/sbom.json) of what is locked, and its known faults (asks PyPI)
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT && python3 -m venv "$$tool" \
	  && "$$tool/bin/python" -m pip install --disable-pip-version-check --quiet cyclonedx-bom pip-audit && mkdir -p build \
	  && "$$tool/bin/cyclonedx-py" requirements requirements.lock --output-file build/sbom.json \
	  && echo "build/sbom.json is written." \
	  && "$$tool/bin/pip-audit" --requirement requirements.lock --disable-pip --require-hashes

# uv resolves for every platform and Python from 3.11 on at once. It is needed only here, so it lives in an environment
# of its own that is thrown away. Versions already locked stay; UPGRADE=--upgrade takes the newest of all.
.PHONY: lock
lock:  ## Write requirements.lock anew from pyproject.toml (UPGRADE=--upgrade for the newest versions)
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT && python3 -m venv "$$tool" \
	  && "$$tool/bin/python" -m pip install --disable-pip-version-check --quiet uv \
	  && "$$tool/bin/uv" pip compile pyproject.toml --group dev --extra audit --extra delivery --extra gateway --extra linkage --extra partner --extra sealing --extra watch --extra web \
	    --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --custom-compile-command "make lock" --quiet --output-file requirements.lock $(UPGRADE)
	@echo "requirements.lock is written; look at the difference before you commit it."

.PHONY: lock-kafka
lock-kafka: env  ## Write the list of Kafka's jars and their hashes anew (after changing its version)
	$(BIN)/python -m safety_stream.embedded.lock

.PHONY: clean
clean:  ## Remove the environment and everything the tools left (the downloaded Kafka stays in the user's cache)
	rm -rf $(ENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis bench/results.json
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
