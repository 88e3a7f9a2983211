# Everything from nothing, on a fresh Debian or Ubuntu: `make dev` and `make test`.
# Options go through ARGS: make dev ARGS="--once --json", make test ARGS="-k settle".
ARGS ?=
BIN := .venv/bin

.PHONY: help dev test check fmt bench clean environment broker

help: ## Say what there is.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

environment:
	@deploy/bootstrap environment

broker: environment
	@deploy/bootstrap broker

dev: broker ## Start everything on this machine and show it at work.
	@$(BIN)/leveret dev $(ARGS)

test: broker ## Run every test that this machine can run.
	@$(BIN)/python -m pytest $(ARGS)

check: environment ## Lint, format, types and import contracts.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: environment ## Format, and fix what can be fixed by itself.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: broker ## Compare with FastStream in one run.
	@$(BIN)/python benchmarks/peers.py $(ARGS)

clean: ## Remove what was made here.
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
