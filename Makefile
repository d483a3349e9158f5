# Every command of the project. `make` alone, or `make help`, lists them.
# Needed: make, and Python 3.11 or newer with its venv module. Everything else goes into .venv.

# The first suitable Python on the PATH. Another one: make PYTHON=/path/to/python3.12 test
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)
# More words for the command behind a target: make test ARGS="-k lanes -x"
ARGS ?=

BIN := .venv/bin

# In a fresh checkout each process of a test run would compile every test for itself: this does so once, in two halves
FIRST = { $(BIN)/python -m pytest -q --collect-only tests/connectors & \
	$(BIN)/python -m pytest -q --collect-only tests --ignore tests/connectors; wait; } >/dev/null

.DEFAULT_GOAL := help
.PHONY: help run test long faults losses pairs soak check format bench rivals lock reference venv clean

help: ## Show this list
	@echo "Desk Gateway. Start with 'make run'; then 'make test'."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=/path/to/python3.12 chooses the Python; ARGS=\"...\" goes to the command behind a target."

run: venv ## Run the gateway with two simulated desks and a page that shows it live
	@exec $(BIN)/gateway demo $(ARGS)

test: venv ## Run the whole test suite, servers included
	@test -d tests/__pycache__ || $(FIRST) || true
	@$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(ARGS)

long: venv ## Run the tests that `make test` runs in a short form at their full length (long)
	@GATEWAY_LONG=1 $(BIN)/python -m pytest -n 2 -m long --timeout 1800 $(ARGS)

faults: venv ## Crash at every point under every fault, then storms beside a naive baseline (long)
	@$(BIN)/python -m tests.faults $(ARGS)

losses: venv ## Lose the webhooks of every desk, and measure how late its changes come (long)
	@$(BIN)/python -m tests.losses $(ARGS)

pairs: venv ## Let a ticket live between every two desks, both ways round (long)
	@GATEWAY_PAIRS=1 $(BIN)/python -m pytest tests/pairs $(ARGS)

soak: venv ## Live through a year of days in minutes, and show that nothing grows but what is meant to (long)
	@$(BIN)/python -m tests.soak $(ARGS)

check: venv ## Check style, format, types and the floors of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv ## Format the code, and mend what ruff can mend safely
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: venv ## Measure this machine: what is accepted, applied and delivered a second
	@$(BIN)/python -m benchmarks $(ARGS)

rivals: venv ## Install what `make bench` compares us with (into .venv; `make clean` removes it)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench

lock: venv ## Write requirements.lock from pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(BIN)/uv pip compile pyproject.toml --extra postgres --extra lang --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
		--output-file requirements.lock $(ARGS)
	@echo "requirements.lock is written; the next make brings .venv up to date."

reference: venv ## Write docs/rules/reference.md and docs/connectors/matrix.md from the schemas and the connectors
	@$(BIN)/python tools/reference.py

venv: ## Set .venv up (every other target does it when needed)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: Python 3.11 or newer is needed, and '$(PYTHON)' is not." >&2; \
		echo "  Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) tools/venv.py

clean: ## Remove .venv and everything that tools have cached or built
	rm -rf .venv .venv.lock build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
