# HMA Ledger. `make run` serves the dashboard; `make test` checks everything.
# Needs GNU make, a POSIX sh and Python 3.11 or newer; the rest goes into .venv, from locks with hashes.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
PYTEST_WORKERS ?= auto
PYTEST_ARGS ?=
LOCK_ARGS ?=

BIN := .venv/bin
LINT := $(BIN)/ruff check . && $(BIN)/ruff format --check .
TYPES := $(BIN)/mypy
LOCKS := requirements.lock etl/deploy/lake.lock tests/requirements.lock

export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run lake test lint format types audit screenshots resilience siege bench lock clean again

help: ## say what there is (this)
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile
	@echo
	@echo 'Settings: HOST=$(HOST) PORT=$(PORT) PYTHON=$(PYTHON) PYTEST_WORKERS=$(PYTEST_WORKERS)'
	@echo '  PYTEST_ARGS="-k vietnam"   LOCK_ARGS=--upgrade   HMA_CHROMIUM=path   HMA_NO_BROWSER=1'

run: .venv/.installed ## serve the dashboard on HOST and PORT, after building the ledger if there is none
	@exec $(BIN)/hma serve --host '$(HOST)' --port '$(PORT)'

lake: .venv/.installed ## add what a ledger in a lake, or an archive in object storage, needs
	$(call install,etl/deploy/lake.lock,the extra lake)

# Lint and types don't keep the tests from running: one run shows all that is wrong, and pytest's
# closing line comes last. The run fails if any of the three does.
test: .venv/.installed-test ## run lint, types and all tests, in a real browser
	@browser=$$($(BIN)/python tests/find_browser.py) || exit 1; \
	set --; [ -n "$$browser" ] || set -- -m 'not browser'; \
	failed=; \
	echo 'Lint ...'; { $(LINT); } || failed="$$failed lint"; \
	echo 'Types ...'; $(TYPES) || failed="$$failed types"; \
	[ -z "$$failed" ] || echo "FAILED:$$failed (see above). The tests run all the same." >&2; \
	echo 'Tests ...'; \
	HMA_CHROMIUM="$$browser" PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m pytest \
	  -n $(PYTEST_WORKERS) "$$@" $(PYTEST_ARGS) || failed="$$failed tests"; \
	[ -z "$$failed" ] || { echo "FAILED:$$failed" >&2; exit 1; }

lint: .venv/.installed-test ## check style and formatting
	@$(LINT)

format: .venv/.installed-test ## mend what can be mended, and format
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

types: .venv/.installed-test ## check the types
	@$(TYPES)

audit: .venv/.installed-test ## ask PyPI's advisories about everything that is locked (needs the network)
	@for lock in $(LOCKS); do \
	  $(BIN)/pip-audit --disable-pip --require-hashes --progress-spinner off -r $$lock || exit 1; done

screenshots: .venv/.installed-test ## take pictures of every page into test-results, and the README's three
	@browser=$$($(BIN)/python tests/find_browser.py) || exit 1; \
	HMA_CHROMIUM="$$browser" $(BIN)/python -m tests.tools.screenshots test-results/screenshots

resilience: .venv/.installed-test ## break refreshes in every way at hand and write the README's table (an hour)
	@$(BIN)/python -m tests.tools.resilience $(EXPERIMENTS)

siege: .venv/.installed-test ## spoiled input, hostile values and load in full; write the README's table (an hour)
	@browser=$$($(BIN)/python tests/find_browser.py) || exit 1; \
	HMA_CHROMIUM="$$browser" PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m tests.tools.siege $(PARTS)

bench: .venv/.installed-test ## measure speed and growth beside limits and peers; write the README's tables (hours, 40 GB)
	@browser=$$($(BIN)/python tests/find_browser.py) || exit 1; \
	HMA_CHROMIUM="$$browser" $(BIN)/python -m tests.bench $(PARTS)

# The locks hold for every platform and every Python from 3.11, and name no index: uv resolves from
# the one pip is set to use here. Pins stay as they are unless LOCK_ARGS=--upgrade (or
# LOCK_ARGS='--upgrade-package NAME'). What the tests need is resolved first, for it is the
# larger set: the other locks then have the same pins. All is made aside and copied only when it is good.
lock: ## write the locks anew
	@set -eu; aside=$$(mktemp -d); trap 'rm -rf "$$aside"' EXIT; trap 'exit 130' INT TERM; \
	echo 'Fetching uv, which writes the locks ...'; \
	$(PYTHON) -m venv "$$aside/venv"; \
	"$$aside/venv/bin/python" -m pip install -qq uv; \
	index=$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get global.index-url 2>/dev/null || :)}; \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	mkdir -p "$$aside/tests" "$$aside/etl/deploy"; cp pyproject.toml "$$aside"; \
	for lock in $(LOCKS); do [ ! -e $$lock ] || cp $$lock "$$aside/$$lock"; done; \
	resolve() { venv/bin/uv pip compile pyproject.toml --group build "$$@" $(LOCK_ARGS) --quiet \
	  --python venv/bin/python --universal --python-version 3.11 --generate-hashes \
	  --no-config --no-emit-index-url --custom-compile-command 'make lock'; }; \
	here=$$PWD; cd "$$aside"; \
	resolve --extra test -o tests/requirements.lock; \
	resolve -c tests/requirements.lock -o requirements.lock; \
	resolve -c tests/requirements.lock --extra lake -o etl/deploy/lake.lock; \
	if grep -nE '://|^-|^ *--(index|extra|find|trusted)' $(LOCKS); then \
	  echo 'A lock may name no address; nothing was changed.' >&2; exit 1; fi; \
	for lock in $(LOCKS); do cp $$lock "$$here/$$lock"; done; \
	echo 'Wrote $(LOCKS).'

clean: ## remove .venv and caches; data/archive and data/ledger stay
	@rm -rf .venv build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find etl dashboard tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment holds its own path and its Python's; if either has moved, make it again.
ifneq ($(shell [ "$$(cat .venv/.made 2>/dev/null)" = "$$(pwd -P)" ] && $(BIN)/python -c '' 2>/dev/null && echo good),good)
.venv/.made: again
endif

.venv/.made:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo 'HMA Ledger needs Python 3.11 or newer, and there is no $(PYTHON) here. Install it, or name yours: make run PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "HMA Ledger needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name a newer one: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo 'This Python cannot make virtual environments: its venv module is missing. On Debian or Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Making .venv ...'
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@pwd -P > $@

# $(call install,FILE,WHAT): install what FILE locks, and say what to do if that fails.
define install
	@echo 'Installing $(2) from $(1) (a minute or two) ...'
	@$(BIN)/python -m pip install --only-binary :all: --require-hashes -r $(1) > .venv/pip.log 2>&1 || { \
	  tail -n 12 .venv/pip.log >&2; echo >&2; \
	  echo 'Installing failed: pip says why above, and at length in .venv/pip.log.' >&2; \
	  echo '- No network, or a proxy or mirror? Set pip up (HTTPS_PROXY, PIP_INDEX_URL), then run make again.' >&2; \
	  echo '- No matching distribution? A package has no build for this Python or system: make clean, then name another Python, make run PYTHON=python3.12' >&2; \
	  echo '- Hashes do not match? The index serves other files than those locked. Do not go round it.' >&2; \
	  exit 1; }
endef

.venv/.installed: .venv/.made requirements.lock pyproject.toml
	$(call install,requirements.lock,the packages)
	@$(BIN)/python -m pip install --no-deps --no-build-isolation -e . > .venv/pip.log 2>&1 || { \
	  tail -n 20 .venv/pip.log >&2; echo 'Installing HMA Ledger itself failed; pip says why above.' >&2; exit 1; }
	@touch $@

.venv/.installed-test: .venv/.installed tests/requirements.lock
	$(call install,tests/requirements.lock,the test tools)
	@touch $@
