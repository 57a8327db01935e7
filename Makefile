# `make` shows the menu. All paths are relative: make cannot quote a space, and a checkout may lie below one.

SHELL := /bin/sh
# Where bytecode may not be kept, each of a test run's thousand processes compiles all that it loads.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run cluster test check bench bench-gateway bench-store bench-accounts bench-cluster soak chaos fmt web image clean tools browser slapd promtool vitest FORCE

BIN := .venv/bin
NODE := sh deploy/local/make/with_node.sh
ARGS ?=
# Four processes, file by file: tests wait as much as they work, so two cores carry them. In the order of their
# names, which puts whole systems first and small tests last, so that nobody waits at the end for one long file.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder --durations=40
MINUTES ?= 10
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

help: ## Show this menu
	@echo "ChatCraft. Needs Python 3.11 or newer, make and a shell; the rest is fetched."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

setup: .venv/.done ## Create .venv with the locked dependencies

run: setup web ## Start ChatCraft and print its address (ARGS="--port 9000")
	@exec $(BIN)/chatcraft up $(ARGS)

cluster: setup web ## Start a cluster behind HAProxy here (ARGS="--gateways 5")
	@exec $(BIN)/python -m deploy.cluster $(ARGS)

test: setup ## Run all checks and tests, browser's too (ARGS="-k word")
	@$(MAKE) --no-print-directory -j2 web tools
	@$(MAKE) --no-print-directory -j2 check vitest
	@$(BIN)/python -m pytest $(or $(ARGS),$(SIDE_BY_SIDE))

check: setup web ## Check style, types, layers and generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/bandit -q -c pyproject.toml -r services shared deploy clients examples
	@$(BIN)/lint-imports
	@$(BIN)/python -m shared.documents check
	@$(NODE) npm run --silent check

bench: setup ## Measure rooms; figures go to bench/results/
	@$(BIN)/python -m bench.rooms $(ARGS)

bench-gateway: setup ## Measure the gateway, its limit, its peers (ARGS="--quick")
	@$(BIN)/python -m bench.gateway $(ARGS)

bench-store: setup ## Measure the store, 10 million messages (ARGS="--quick")
	@$(BIN)/python -m bench.store $(ARGS)

bench-accounts: setup ## Measure signing in, and a flood of it (ARGS="--quick")
	@$(BIN)/python -m bench.accounts $(ARGS)

bench-cluster: setup ## Measure several gateways behind HAProxy (ARGS="--quick")
	@$(BIN)/python -m bench.cluster $(ARGS)

soak: setup ## Come, go and talk for MINUTES=10, then look for leaks
	@$(BIN)/python -m bench.soak --minutes $(MINUTES) $(ARGS)

chaos: setup ## Break everything for MINUTES=10 by SEED=7, then judge
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

fmt: setup ## Format the code and sort its imports
	@$(BIN)/ruff check --fix --exit-zero
	@$(BIN)/ruff format

web: web/dist/index.html ## Build the web client into web/dist/

image: ## Build the container image (needs Docker or Podman)
	@docker build --file deploy/Dockerfile --tag chatcraft:$(VERSION) .

clean: ## Remove what was built; your data in .chatcraft/ stay
	@rm -rf .venv web/node_modules web/dist dist test-artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

vitest: setup web
	@$(NODE) npm run --silent test

# One after the other: apt-get takes a lock.
tools: setup
	@sh deploy/local/make/browser.sh
	@sh deploy/local/make/slapd.sh
	@sh deploy/local/make/promtool.sh

browser: setup
	@sh deploy/local/make/browser.sh

slapd: setup
	@sh deploy/local/make/slapd.sh

promtool: setup
	@sh deploy/local/make/promtool.sh

# Made again when the dependencies change, and when the checkout has moved.
.venv/.done: pyproject.toml uv.lock deploy/local/make/setup.sh $(shell grep -qF "$$(pwd -P)/.venv" .venv/bin/activate 2>/dev/null || echo FORCE)
	@sh deploy/local/make/setup.sh

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*')

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | .venv/.done
	@echo "Installing the packages of the web client …"
	@$(NODE) npm ci --silent --no-audit --no-fund
	@touch $@

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.package-lock.json
	@echo "Building the web client …"
	@$(NODE) npm run --silent build
	@touch $@

FORCE:
