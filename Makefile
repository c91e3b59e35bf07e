# Every target works first thing on a fresh clone. Package registries are needed by setup, and for the tools that the
# template is checked and built with.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
SAM := SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam

# The deployed stack is where `make deploy` has written it down, in samconfig.toml; else STACK= and REGION= say it.
COMMAND := $(VENV)/bin/spaaza-snapshots
PLACE = $(if $(STACK),--stack $(STACK)) $(if $(REGION),--region $(REGION))

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with all that running, testing and checking need

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml tools/setup tools/python
	@tools/setup $(VENV)
	@touch $@

run: $(STAMP) ## Make two snapshots on this machine and query them: USERS= CHAIN= DATE= change it
	@exec $(PY) -m tools.demo $(if $(USERS),--users $(USERS)) $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE))

quick: $(STAMP) ## Run the tests of single rooms, in under a minute
	@$(PY) -m pytest -n 2 --dist worksteal tests/unit

test: $(STAMP) ## Run all tests with branch coverage
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -n 2 --dist worksteal
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

check: $(STAMP) ## Format, lint, strict types, imports between rooms, and the template by three judges
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/cfn-lint -t template.yaml -r eu-west-1
	@tools/tool-env sam checkov
	@$(SAM) validate --lint --region eu-west-1
	@.tools/checkov/bin/checkov

bench: $(STAMP) ## Measure time and memory of the functions
	@$(PY) -m tools.bench
	@$(PY) -m tools.bench_inspector
	@$(PY) -m tools.bench_parquet

crash: $(STAMP) ## kill -9 the function at the worst moments, and print what is left
	@$(PY) -m tools.crashes

model: $(STAMP) ## Run the commit against a model of S3, every fault at every call: MINUTES= SEED=
	@exec $(PY) -m sandbox.model $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

contract: $(STAMP) ## Try on a real bucket what is assumed of S3, and leave nothing there: BUCKET= REGION=
	@exec $(PY) -m tools.contract $(if $(BUCKET),--bucket $(BUCKET)) $(if $(REGION),--region $(REGION))

session: $(STAMP) ## Sixty simulated days of renewing the session, by itself and by hand: DAYS=
	@exec $(PY) -m tools.sessions $(if $(DAYS),--days $(DAYS))

drift: $(STAMP) ## Three days of changing columns, asked in SQL: USERS= SQL=
	@exec $(PY) -m tools.drift $(if $(USERS),--users $(USERS)) $(if $(SQL),--sql "$(SQL)")

tables: $(STAMP) ## Print every alarm and every parameter of the stack
	@$(PY) -m tools.stack_tables

iam: $(STAMP) ## Run the whole flow under the template's roles, and list the calls made and denied
	@$(PY) -m tools.iam

build: $(STAMP) ## Build what is deployed, for Lambda's own Python and processor, and print its sizes
	@tools/tool-env sam
	@tools/build .aws-sam/build

artifact: $(STAMP) ## Run what is built in Lambda's runtime client: cold start, deadline, errors
	@$(PY) -m tools.artifact

deploy: build ## Deploy the stack; the first time it asks for the parameters
	@$(SAM) deploy --capabilities CAPABILITY_IAM $(if $(wildcard samconfig.toml),--no-fail-on-empty-changeset,--guided)

snapshot: $(STAMP) ## Run the deployed function and wait for its snapshot: CHAIN= DATE= FORCE= ACCEPT=
	@exec $(COMMAND) invoke $(PLACE) \
	    $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE)) $(if $(FORCE),--force) $(if $(ACCEPT),--accept)

athena: $(STAMP) ## Make the views in Athena, and ask a saved query: QUERY= PARAMETERS=
	@exec $(COMMAND) athena $(PLACE) --sql athena \
	    $(if $(QUERY),--query $(QUERY)) $(if $(PARAMETERS),--parameter $(PARAMETERS))

logs: $(STAMP) ## Print and follow the log of a deployed function: FUNCTION=Export or Parquet, SINCE="12hours ago"
	@place=$$($(COMMAND) where $(PLACE)); tools/tool-env sam; \
	$(SAM) logs $$place --name $(or $(FUNCTION),Export)Function --start-time "$(or $(SINCE),12hours ago)" --tail

destroy: $(STAMP) ## Delete the stack; says what it keeps
	@place=$$($(COMMAND) where $(PLACE)); tools/tool-env sam; \
	echo "Keeps the bucket with every snapshot, whose objects keep expiring under the lifecycle rules. Deletes all else."; \
	$(SAM) delete $$place

pins: $(STAMP) ## Renew the pinned requirements
	@tools/pins

clean: ## Remove what the other targets made
	@rm -rf $(VENV) .tools .aws-sam .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup run quick test check bench crash model contract session drift tables iam build artifact deploy snapshot athena logs destroy pins clean
