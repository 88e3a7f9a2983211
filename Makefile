# Everything from nothing, on a fresh Debian or Ubuntu: `make dev` and `make test`.
# Options go through ARGS: make dev ARGS="--once --json", make test ARGS="-k settle".
ARGS ?=
# What is printed for programs stays theirs when another make calls this one.
MAKEFLAGS += --no-print-directory
BIN := .venv/bin

.PHONY: help dev test check fmt lock bench fuzz faults soak clean environment broker testbed

help: ## Say what there is.
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

environment:
	@deploy/bootstrap environment

broker:
	@deploy/bootstrap environment broker

dev: broker ## Start everything on this machine and show it at work.
	@$(BIN)/leveret dev $(ARGS)

test: broker ## Run every test that this machine can run.
	@$(BIN)/python -m pytest $(ARGS)

testbed: ## Install a browser, Prometheus, PostgreSQL and AMQP tools: `make test` uses them then.
	@deploy/bootstrap testbed

check: environment ## Lint, format, types and import contracts.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: environment ## Format, and fix what can be fixed by itself.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: environment ## Pin the newest versions that fit pyproject.toml, for everybody.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@sed -n '/^#/p' deploy/constraints.txt > deploy/constraints.new
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev \
		--no-emit-index-url --no-annotate --no-header pyproject.toml >> deploy/constraints.new
	@mv deploy/constraints.new deploy/constraints.txt

fuzz: environment ## Fuzz the decoder for ten minutes; ARGS="--seconds 60" for one.
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install -q 'atheris>=3' || true
	@$(BIN)/python tests/fuzz/guided.py $(ARGS)

bench: broker ## Compare with the peers in one run.
	@$(BIN)/python benchmarks/peers.py $(ARGS)

faults: broker ## Run every fault and write its figures down; ARGS="--full" for all there is.
	@PYTHONPATH=tests $(BIN)/python -m faults.run $(ARGS)

soak: broker ## Run random faults for a time: ARGS="--seconds 7200".
	@PYTHONPATH=tests $(BIN)/python -m faults.soak $(ARGS)

clean: ## Remove what was made here.
	rm -rf .venv .venv-peers .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
