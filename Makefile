# One command each; `make help` lists them. Everything is installed into .venv, nothing outside this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow lint format bench check-kind constants way lab lab-screen lab-check ablate fuzz soak soak-ingest soak-crash soak-service clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE = $(BIN)/python -m compileall -q api ingest online_models prevention # where Python writes none by itself
WARM_UP = echo "compiling the models for this machine (once)" && $(BIN)/python -c 'from api.pipeline.warmup import warm_up; warm_up(with_feedback=True)'

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## simulated IoT network and live alerts; LOGS=DIR follows Zeek's logs; STATE=DIR LISTEN=HOST:PORT
	@$(BIN)/nslabs $(if $(LOGS),run --logs "$(LOGS)",demo) $(if $(STATE),--state "$(STATE)") $(if $(LISTEN),--listen "$(LISTEN)")

# files in their order, not those with the most tests first: the longest have few
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/.installed-dev ## run the tests but the slow ones; ARGS="tests/ingest -x" narrows them
	@$(PYTEST) -m "not slow and not soak" $(ARGS)

test-slow: $(VENV)/.installed-dev ## run those that take seconds each: kills, restarts, days of logs, whole services
	@$(PYTEST) -m "slow and not soak" $(ARGS)

lint: $(VENV)/.installed-dev ## check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## write files in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev ## measure the speeds that README.md tells
	@for bench in tests/benchmarks/bench_*.py; do \
		[ -e "$$bench" ] || { echo "no tests/benchmarks/bench_*.py here" >&2; exit 1; }; \
		echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; \
	done

check-kind: $(VENV)/.installed-dev ## whether declared log kinds hold to what every kind must; KIND="./snmp.toml"
	@PYTHONPATH=.:tests $(BIN)/python -m checks $(KIND)

constants: $(VENV)/.installed-dev ## tuned numbers and special rules of the models, each with its reason; ARGS=--counts
	@PYTHONPATH=.:tests $(BIN)/python -m lab.constants $(ARGS)

way: $(VENV)/.installed-dev ## the files that one conn record runs through, from frame to alert
	@PYTHONPATH=.:tests $(BIN)/python -m lab.way

LAB := PYTHONPATH=.:tests $(BIN)/python -m lab $(if $(BASE),--base "$(BASE)") $(ARGS)

lab: $(VENV)/.installed-dev ## sites with known truth: what is told; BASE=COMMIT compares, ARGS="--only holes" narrows
	@$(LAB)

lab-screen: $(VENV)/.installed-dev ## the same on a balanced fifth of the sites
	@$(LAB) --screening

lab-check: $(VENV)/.installed-dev ## the screening; fails where the baseline was better
	@$(LAB) --screening --check

ablate: $(VENV)/.installed-dev ## each rule off, each number halved and doubled, on the screening: hours; ARGS="--every 8 --what rules"
	@PYTHONPATH=.:tests POLARS_MAX_THREADS=1 $(BIN)/python -m lab.ablate $(ARGS)

fuzz: $(VENV)/.installed-dev ## requests to all routes and frames to all streams, right and wrong; CASES=20000 FRAMES=10000
	@FUZZ_CASES=$(or $(CASES),5000) FUZZ_FRAMES=$(or $(FRAMES),10000) $(BIN)/python -m pytest -m soak \
		tests/integration/test_stream_fuzz.py tests/integration/test_description.py $(ARGS)

soak: $(VENV)/.installed-dev ## run every long test
	@$(BIN)/python -m pytest -m soak $(ARGS)

soak-ingest: $(VENV)/.installed-dev ## write, rotate, cut, crash and restart at random, for long
	@$(BIN)/python -m pytest -m soak tests/ingest $(ARGS)

soak-crash: $(VENV)/.installed-dev ## kill -9 under load, many times, each compared with an undisturbed run
	@$(BIN)/python -m pytest -m soak tests/integration -k crash $(ARGS)

soak-service: $(VENV)/.installed-dev ## a service under load with all sinks, RSS and descriptors told; MINUTES=20 RATE=5000
	@SOAK_MINUTES=$(or $(MINUTES),5) SOAK_RATE=$(or $(RATE),5000) $(BIN)/python -m pytest -s -m soak \
		tests/integration/test_soak.py $(ARGS)

clean: ## remove what was made
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .lab
	-@git worktree prune
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are older than pyproject.toml when it changed: pip then installs what is missing.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) (a minute or two, once)"
	@$(PIP) --editable .
	@$(COMPILE)
	@$(WARM_UP)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV), with the tools that the tests use (a minute or two, once)"
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	-@$(WARM_UP)
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11: name a newer one, for example make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
