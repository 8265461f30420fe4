# Everything a person runs here. `make run` and `make test` need nothing done by hand before them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PWA := $(shell find pwa -path pwa/node_modules -prune -o -path pwa/dist -prune -o -path pwa/tests -prune -o -type f -print)
STATIC := $(shell find server/static -type f)

.PHONY: help install build run test lint types unit pwa-test e2e browser office bench chaos fmt schema clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: .venv/.installed pwa/node_modules/.installed ## Python into .venv/, JavaScript into pwa/node_modules/

.venv/.installed: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || bash deploy/apt.sh python3-venv
	@echo "Installing Python packages into .venv/ …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

pwa/node_modules/.installed: pwa/package.json pwa/package-lock.json
	@echo "Installing JavaScript packages into pwa/node_modules/ …"
	@cd pwa && npm ci --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

build: install build/.assets ## the phone app and the desk's static files, hashed and compressed

pwa/dist/.built: pwa/node_modules/.installed $(filter-out pwa/package-lock.json,$(PWA))
	@echo "Building the phone app …"
	@cd pwa && npm run --silent build -- --logLevel warn
	@touch $@

build/.assets: pwa/dist/.built .venv/.installed $(STATIC)
	@$(BIN)/gtn assets >/dev/null
	@touch $@

run: build ## the server on the embedded store with demo data
	@$(BIN)/gtn serve --demo

browser: .venv/.installed
	@bash deploy/browser.sh

office:
	@bash deploy/libreoffice.sh

test: lint types pwa-test unit e2e ## everything that must hold

lint: install
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install
	@$(BIN)/mypy
	@cd pwa && npm run --silent check
	@pwa/node_modules/.bin/tsc --noEmit --checkJs --strict --target es2022 --lib es2022,dom,dom.iterable server/static/desk.js server/static/print.js server/static/import.js

unit: build browser office
	@$(BIN)/pytest tests -n $(if $(COUCHDB_URL),0,2) --dist loadfile

pwa-test: install
	@cd pwa && npm test --silent

e2e: build browser
	@$(BIN)/pytest e2e

bench: build browser ## every figure, or one: make bench BENCH=name
	@$(BIN)/python -m bench $(BENCH)

chaos: install ## 10,000 broken requests, or three phones edited apart; make chaos CASES=n SEED=n MODE=contests
	@$(BIN)/python -m e2e.chaos $(CASES) $(SEED) $(MODE)

fmt: install ## format Python
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

schema: install ## the documents' JSON Schema and TypeScript types
	@$(BIN)/gtn schema > pwa/src/documents.schema.json
	@cd pwa && npm run --silent types

clean:
	rm -rf build pwa/dist .mypy_cache .ruff_cache .pytest_cache
