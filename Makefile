# Every target installs what it needs into .venv first.
PYTHON ?= python3
# An empty value means the default.
override PORT := $(or $(PORT),8000)
override STATE := $(or $(STATE),.packgrid)
override DATA := $(or $(DATA),sample/catalogue.json)
override STAGE := $(or $(STAGE),dev)
GOLDEN ?= ../shared/golden
UPSTREAM ?= ../shared/upstream
# The number of generated requests for the comparison with Django REST Framework.
COUNT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
# Markers of finished installations: RUNTIME is what serving needs, READY adds what tests and linters need.
RUNTIME := $(VENV)/.runtime
READY := $(VENV)/.ready
DOCS := $(VENV)/.docs
BROWSER := $(VENV)/.browser
CHECKOV := .venv-checkov/bin/checkov

.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast coverage installable conformance drill e2e lint format docs bench cost package deploy destroy audit clean

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

run: $(RUNTIME) ## Serve a catalogue: PORT=8000 STATE=.packgrid DATA=sample/catalogue.json
	@exec $(BIN)/python -m chalicelib.cli serve --engine --port "$(PORT)" --state "$(STATE)" --data "$(DATA)"

demo: $(RUNTIME) ## Refresh a small catalogue from simulated hosts while you watch (a minute, no token)
	@exec $(BIN)/python -m tools.demo $(ARGS)

test-fast: $(READY) ## Run the unit tests, which need no engine
	$(BIN)/python -m pytest tests/unit --numprocesses auto --dist worksteal $(ARGS)

test: $(READY) $(BROWSER) ## Run all tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

coverage: $(READY) $(BROWSER) ## Run all tests and report branch coverage
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --cov --cov-report=term --cov-report=html:dist/coverage $(ARGS)

installable: ## Install the package in a bare environment and try its commands (half a minute)
	$(PYTHON) -m tools.check_install

conformance: $(READY) ## Compare with the recordings in GOLDEN and UPSTREAM, and with COUNT=5000 responses of Django REST Framework
	$(BIN)/python -m tests.contract "$(GOLDEN)"
	@if [ -d "$(UPSTREAM)" ]; then \
		echo '$(BIN)/python -m pytest tests/contract/recordings --recordings "$(UPSTREAM)"'; \
		$(BIN)/python -m pytest tests/contract/recordings --recordings "$(UPSTREAM)"; \
	else echo "There are no recordings of the hosts at $(UPSTREAM)"; fi
	$(BIN)/python -m tests.contract.oracle --count $(COUNT)

drill: $(READY) ## Delete all tables, restore them from the bucket, and compare with the recordings in GOLDEN
	$(BIN)/python -m tests.e2e.drill "$(GOLDEN)"

e2e: $(READY) ## Deploy the package to the embedded engine; refresh, break, update and remove it (three minutes)
	$(BIN)/python -m tests.e2e "$(GOLDEN)"

lint: $(READY) ## Check style, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: $(DOCS) ## Build the documentation into dist/docs and check its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	$(BIN)/python -m tools.check_docs dist/docs

bench: $(READY) ## Measure requests, read units, time and memory (15 minutes)
	$(BIN)/python -m bench

cost: $(READY) ## Compute the monthly bill from measured units and dated prices (three minutes)
	$(BIN)/python -m bench.cost --stage prod

package: $(READY) ## Write the template and the deployment package of STAGE to dist/STAGE
	$(BIN)/python -m deploy package "$(STAGE)"

deploy: package ## Deploy STAGE to AWS with the credentials of the environment: ARGS="Parameter=value ..."
	$(BIN)/python -m deploy deploy "$(STAGE)" $(ARGS)

destroy: $(READY) ## Delete the stack of STAGE with all its data (refuses prod)
	$(BIN)/python -m deploy destroy "$(STAGE)"

audit: package $(CHECKOV) ## Check the package of STAGE with cfn-lint and checkov
	$(BIN)/python -m deploy.audit "$(STAGE)" --checkov $(CHECKOV)

clean: ## Delete what make created, except STATE
	rm -rf $(VENV) .venv-checkov tests/browser/node_modules dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Do not compile bytecode: most of it is never needed, and Python writes it at the first import.
$(RUNTIME): requirements.txt requirements-local.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Packgrid needs Python 3.11 or later; name one: make PYTHON=python3.12"; exit 1; }
	@test ! -L $(VENV) || { echo "$(VENV) is a symbolic link, and its target would be emptied; remove the link first"; exit 1; }
	@echo "Installing what Packgrid runs on into $(VENV)"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-local.txt -c constraints.txt
	@touch $@

$(READY): $(RUNTIME) requirements-dev.txt
	@echo "Installing what tests and linters need into $(VENV), which takes about a minute"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

$(DOCS): $(RUNTIME) requirements-docs.txt
	@echo "Installing what the documentation needs into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt -c constraints.txt
	@touch $@

# In a separate environment, because it needs other releases of what Packgrid uses.
$(CHECKOV): deploy/checkov/requirements.txt deploy/checkov/constraints.txt
	$(PYTHON) -m venv --clear .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/checkov/requirements.txt -c deploy/checkov/constraints.txt
	@touch $@

# Not written if an installation fails, so that the next run tries again.
$(BROWSER): $(READY) tests/browser/install.py tests/browser/package-lock.json
	@$(BIN)/python -m tests.browser.install $@
