# Two commands are enough: `make demo` and `make test`. Both need python3 >= 3.11, git, make and a package index.
# Another Python: `make PYTHON=python3.12 …`. All is installed into .venv, nothing outside this directory.

PYTHON ?= python3
INSTALL = $(PYTHON) tools/install.py $(if $(filter file,$(origin PYTHON)),,--chosen)
BIN = .venv/bin
UV = .venv/lock/bin/uv
JOBS ?= 2
CHAOS_CYCLES ?= 200
FUZZ_COUNT ?= 100000

.PHONY: help demo test lint chaos fuzz bench lock clean

help:
	@echo 'make demo          a real local model behind the gateway, with its costs on record (ONCE=1: walk through, then exit)'
	@echo 'make test          all tests (JOBS=2 at a time)'
	@echo 'make lint          ruff, mypy --strict, the floors, the generated parts of README.md'
	@echo 'make chaos         kill -9, again and again (CHAOS_CYCLES=200)'
	@echo 'make fuzz          mutated input for the reader and the compiler (FUZZ_COUNT=100000)'
	@echo 'make bench         the measured figures'
	@echo 'make lock          resolve locks/ anew from pyproject.toml'
	@echo 'make clean         remove .venv and all that was built'

demo:
	@$(INSTALL) demo
	@$(BIN)/catalog demo $(if $(filter-out 0,$(ONCE)),--once)

test:
	@$(INSTALL) test
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

lint:
	@$(INSTALL) lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/readme.py --check

chaos:
	@$(INSTALL) test
	CHAOS_CYCLES=$(CHAOS_CYCLES) $(BIN)/pytest -m chaos --timeout 3600 $(ARGS)

fuzz:
	@$(INSTALL) test
	FUZZ_COUNT=$(FUZZ_COUNT) $(BIN)/pytest tests/catalog/test_fuzz.py tests/authoring/test_fmt_mutated.py --timeout 3600 $(ARGS)

bench:
	@$(INSTALL) test
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

lock:
	@$(INSTALL) lint
	@test -x $(UV) || { $(BIN)/python -m venv .venv/lock && .venv/lock/bin/python -m pip install --quiet uv; }
	$(BIN)/python tools/lock.py $(UV)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find engine tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
