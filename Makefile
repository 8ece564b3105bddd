# Every target sets up what it needs. DAGSTER_HOME is this folder; what a run writes lands in .runs/ (ignored by git).
export DAGSTER_HOME := $(CURDIR)
# one thread a numeric library: two cores, and LightGBM repeats exactly with one
export OMP_NUM_THREADS ?= 1
export DO_NOT_TRACK := 1
export LABEL_PIPELINE_TEST_DATA ?= $(abspath $(CURDIR)/../shared/data)

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2

.PHONY: demo test check ui results bench clean lock

demo: $(READY)  ## the whole loop on the generated sample project
	@$(BIN)/label-pipeline demo

test: check  ## everything CI runs
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

check: $(READY)  ## lint, format, types, import contracts, SQL lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar sql

ui: $(READY)  ## the Dagster page on the same instance, the sample provider beside it; Ctrl-C stops both
	$(BIN)/label-pipeline provide -- $(BIN)/dg dev

results: $(READY)  ## docs/results.md from the real judgments under LABEL_PIPELINE_TEST_DATA
	$(BIN)/python -m label_pipeline_tests.results

bench: $(READY)  ## docs/benchmarks.md: our code against named baselines, as ratios, about a minute
	$(BIN)/python -m label_pipeline_tests.benchmarks

lock:  ## requirements.lock from pyproject.toml: universal, hashed, no addresses
	$(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --group dev pyproject.toml -o requirements.lock -q

clean:  ## remove what runs and tests left behind, not the environment
	rm -rf .runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# uv is fetched by pip and installs the lock in seconds; the project itself is installed in place
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)
