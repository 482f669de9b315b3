# What one does with this checkout; CI calls nothing else. Each target sets up what it needs by itself.
# ARGS are passed on: make run ARGS="--instances 3", make test ARGS="tests/unit -k bootstrap".
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check render bench screenshots format clean

# Debian puts servers where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

BIN := .venv/bin
PYTHON := $(BIN)/python
ARGS ?=
# Two processes for the whole suite (tests/support/lanes.py); what is picked runs in one, without the wait for a second.
LANES = $(if $(ARGS),,-n 2)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## run the whole system on this machine until Ctrl-C
	@scripts/bootstrap run
	@$(BIN)/photo-stack up $(ARGS)

production: ## the same with PostgreSQL, Redis, Swift, a CDN and Log & Crash
	@scripts/bootstrap production
	@$(BIN)/photo-stack up --profile production $(ARGS)

test: ## run the test suite
	@scripts/bootstrap test
	$(PYTHON) -m pytest $(LANES) $(ARGS)

check: ## lint, types, lock file, rendered files up to date, boards, no machine's paths
	@scripts/bootstrap check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy src tests scripts $(wildcard benchmarks/*.py examples/*.py)
	.bootstrap/bin/uv lock --check
	$(PYTHON) -m photo_metrics.reference --check
	$(PYTHON) -m photo_api.settings_reference --check
	$(BIN)/photo-monitoring check
	$(PYTHON) -m scripts.check_dashboards
	$(PYTHON) scripts/check_tree.py

render: ## write the generated files anew: references, rules
	@scripts/bootstrap check
	$(PYTHON) -m photo_metrics.reference
	$(PYTHON) -m photo_api.settings_reference
	$(BIN)/photo-monitoring render

bench: ## run the benchmarks; results go to benchmarks/results
	@scripts/bootstrap bench
	$(PYTHON) -m benchmarks $(ARGS)

screenshots: ## take the pictures of docs/images from the running system's console
	@scripts/bootstrap test
	$(PYTHON) -m scripts.screenshots $(ARGS)

format: ## format the code and mend what ruff can
	@scripts/bootstrap python
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove the environment and caches; the stack's data in .data stays
	rm -rf .venv .bootstrap node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +
