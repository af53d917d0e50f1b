# `make run` and `make test` need Python 3.11, git and make; the rest they find or install.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_ARGS ?=
BENCH_ARGS ?=

# Some images set it: then every start of every process compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help tools setup run test drill bench lint lock clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: $(STAMP)
	@$(BIN)/python -m workbench.prerequisites java mariadb

setup: tools  ## Python packages, Java 17, a MariaDB server, an archive of Spark's classes
	@$(BIN)/python -m workbench.aws.glue.classes

run: tools  ## set up, then run the six notebooks on the sample
	@$(BIN)/workbook run

test: setup  ## set up, then run the tests
	@$(BIN)/python -m workbench.prerequisites chromium
	@$(BIN)/python -m pytest $(TEST_ARGS)

drill: setup  ## the long tests, and workbook drill
	@$(BIN)/python -m pytest -m drill $(TEST_ARGS)
	@$(BIN)/workbook drill

bench: setup  ## measure it beside its peers, an hour; writes docs/benchmarks.md
	@$(BIN)/python -m workbench.bench $(BENCH_ARGS)

lint: $(STAMP)  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/mypy

lock: $(BIN)/python  ## pin what pyproject.toml needs in turn
	@$(BIN)/python -m venv .tools/lock
	@.tools/lock/bin/pip install --quiet uv==0.13.9
	@.tools/lock/bin/uv pip compile --quiet --all-extras --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  pyproject.toml --output-file requirements.lock

clean:  ## stop what runs and remove all that set-up and runs made here
	@if [ -x $(BIN)/workbook ]; then $(BIN)/workbook down; fi
	rm -rf .venv .tools .workbook .pytest_cache .mypy_cache .ruff_cache

# Made last, so that an interrupted set-up is taken up again.
$(STAMP): requirements.lock pyproject.toml $(BIN)/python
	@$(BIN)/python -m workbench.packages requirements.lock
	@touch $@

$(BIN)/python:
	@for python in "$$PYTHON" python3.11 python3 python; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
	    echo "Python 3.11: $$python, making $(VENV)"; \
	    "$$python" -m workbench.prerequisites venv && exec "$$python" -m venv $(VENV); \
	    exit 2; \
	  fi; \
	done; \
	echo 'error: no Python 3.11 here: install it (Debian 12: apt install python3 python3-venv), or make PYTHON=/path/to/python3.11' >&2; \
	exit 2
