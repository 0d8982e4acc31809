# Every verb works on a machine with nothing but Python 3.11 or newer, rustup, make and gcc: tools go into .venv.

# The interpreter, and its own virtual environment: `make test PYTHON=python3.13` leaves that of the default one alone.
PYTHON ?= python3
ifeq ($(origin VENV), undefined)
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(shell $(PYTHON) -c "import sys, sysconfig; print('%d.%d' % sys.version_info[:2] + 't' * bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"))
endif
BIN := $(VENV)/bin
DEMO := build/seattle-weather.html
# The profile of the extension for `make build`: `release` runs fast, `dev` builds fast. CI uses `dev`, which shares
# everything that was compiled for the Rust tests.
PROFILE ?= release

# `LEAN=1` leaves out the families of components that have crates of their own: for work on the runtime.
LEAN ?=

# `FEATURES=cameras,microphones` reads devices.
FEATURES ?=

# The packs of this repository.
PACKS ?= $(notdir $(wildcard packs/reflow-pack-*))

# Features of packs beside their defaults, for builds of PACKS that have them: `FEATURES=av1`.
FEATURES ?=

# What tests may do and code may not.
TEST_LINTS := unwrap_used needless_pass_by_value unreadable_literal

.DEFAULT_GOAL := help
.PHONY: help build lint format types test test-rust test-devices test-python test-smoke test-all packs test-packs audit docs site bench demo clean

help: ## Say what the verbs do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Tools: the groups of pyproject.toml, installed once and again when they change.
$(VENV)/tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# cargo-deny reads licences and advisories; it is a program of its own and not small, so only `make audit` asks for it.
build/tools/bin/cargo-deny:
	cargo install --quiet --locked --root build/tools cargo-deny

build: $(VENV)/tools ## Build the extension and install the package into .venv, editable
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --quiet --locked --profile $(PROFILE) $(if $(LEAN),--no-default-features) $(if $(FEATURES),--features $(FEATURES))

lint: $(VENV)/tools ## Check formatting and lints of Rust and Python
	cargo fmt --all --check
	cargo clippy --locked --workspace -- -D warnings
	cargo clippy --locked --workspace --all-targets -- -D warnings $(addprefix -A clippy::,$(TEST_LINTS))
	$(BIN)/ruff format --check
	$(BIN)/ruff check

format: $(VENV)/tools ## Format Rust and Python
	cargo fmt --all
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

types: $(VENV)/tools ## Check types, and that the stubs say what the built extension has
	$(BIN)/mypy
	$(BIN)/mypy --config-file= --strict tests/typing
	$(BIN)/stubtest --mypy-config-file pyproject.toml --allowlist tests/typing/stubtest-allowlist.txt offbit_reflow._native

test-rust: ## Run the Rust tests, then the models of hand-made concurrency
	cargo test --locked --workspace
	cargo test --locked -p reflow-runtime --lib --features model-checker models

# Not part of CI: it needs the headers of ALSA, and compiles the features of one crate anew. What is above the devices is tested by
# `test-rust`, with devices that are made up; so are the calls of the kernel.
test-devices: ## Test cameras and microphones (Linux, with the headers of ALSA)
	cargo clippy --locked -p reflow-media --features cameras,microphones --all-targets -- -D warnings $(addprefix -A clippy::,$(TEST_LINTS))
	cargo test --locked -p reflow-media --features cameras,microphones --lib --test devices devices motion camera microphone

test-python: $(VENV)/tools ## Run the Python tests on what is built
	$(BIN)/pytest

test-smoke: $(VENV)/tools ## Run the Python tests of actors, values, graphs and ends of the interpreter on what is built
	$(BIN)/pytest tests/graph $(addprefix tests/runtime/test_,authoring.py exits.py message.py plain_values.py what_is_an_actor.py)

test: build test-rust test-python ## Build, then run all Rust and Python tests (PYTHON=… for another interpreter)

test-all: lint test types ## Everything that CI checks

# Each pack is a workspace of its own, with the settings of packs/.cargo; all of them share a folder for what they compile.
COMPILED := $(abspath $(or $(CARGO_TARGET_DIR),target))
IN_PACK = cd packs/$$pack && CARGO_TARGET_DIR=$(COMPILED)/packs
packs: ## Build the first-party packs (PACKS="reflow-pack-sql …") into build/packs
	cargo build --quiet --locked -p reflow-pack --bin reflow-pack
	mkdir -p build/packs
	set -e; for pack in $(PACKS); do \
		($(IN_PACK) $(COMPILED)/debug/reflow-pack build . --profile $(PROFILE) $(if $(FEATURES),--features $(FEATURES)) --output $(CURDIR)/build/packs); \
	done

# One pack that fails does not keep the others from being tested.
test-packs: build packs ## Build the first-party packs and test them: their Rust tests, and what users see of them (PROFILE=dev builds sooner)
	$(BIN)/python -m pip install --quiet --group packs
	failed=; for pack in $(PACKS); do \
		($(IN_PACK) cargo test --quiet --locked --profile $(PROFILE) $(if $(FEATURES),--features $(FEATURES))) || failed="$$failed $$pack"; \
	done; \
	$(BIN)/pytest tests/packs || failed="$$failed tests/packs"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

audit: $(VENV)/tools build/tools/bin/cargo-deny ## Check licences and advisories of dependencies, and the workflows
	build/tools/bin/cargo-deny check
	$(BIN)/python -m pip install --quiet --group audit
	$(BIN)/zizmor --offline .github

docs: build ## Build the Rust documentation, and run every example of the Python documentation
	cargo doc --locked --workspace --no-deps
	$(BIN)/pytest tests/docs

site: build ## Build the site of the documentation into build/site, and check its links
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python docs/site/command_line.py
	$(BIN)/mkdocs build --quiet --strict

bench: build ## Measure beside the peers, in one run; prints a table of ratios
	$(BIN)/python -m pip install --quiet --group bench-values
	$(BIN)/python benches/run.py

demo: build ## Run the example on real data; writes build/seattle-weather.html
	$(BIN)/reflow run examples/seattle_weather/graph.json --actors examples/seattle_weather/actors.py \
		--input data=examples/seattle_weather/data/seattle-weather.csv --input report=$(DEMO)

clean: ## Remove everything that was built
	rm -rf .venv* build target dist .mypy_cache .ruff_cache .pytest_cache .hypothesis python/offbit_reflow/_native*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
