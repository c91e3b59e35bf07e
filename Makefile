# Every target works on a fresh clone. setup needs package registries, and so do the tools that check and build the
# template.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
SAM := SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam

# `make deploy` writes each environment's stack and region into samconfig.toml; ENV=, or STACK= and REGION=, choose one.
COMMAND := $(VENV)/bin/spaaza-snapshots
PLACE = $(if $(ENV),--env $(ENV)) $(if $(STACK),--stack $(STACK)) $(if $(REGION),--region $(REGION))

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything to run, test and check

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml tools/setup tools/python
	@tools/setup $(VENV)
	@touch $@

run: $(STAMP) ## Take two snapshots on this machine and query them: USERS= CHAIN= DATE=
	@exec $(PY) -m tools.demo $(if $(USERS),--users $(USERS)) $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE))

quick: $(STAMP) ## Run the unit tests, in under a minute
	@$(PY) -m pytest -n 2 --dist worksteal -m "not slow" tests/unit

test: $(STAMP) ## Run all tests with branch coverage
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -n 2 --dist worksteal
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

check: $(STAMP) ## Check format, lint, strict types, imports between rooms, and the template with three tools
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

crash: $(STAMP) ## kill -9 the function at the worst moments, and print what it leaves
	@$(PY) -m tools.crashes

model: $(STAMP) ## Run the commit against a model of S3, with any fault at any call: MINUTES= SEED=
	@exec $(PY) -m sandbox.model $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

contract: $(STAMP) ## Test the assumptions about S3 on a real bucket, and leave nothing there: BUCKET= REGION=
	@exec $(PY) -m tools.contract $(if $(BUCKET),--bucket $(BUCKET)) $(if $(REGION),--region $(REGION))

session: $(STAMP) ## Sixty simulated days of renewing the session, by itself and by hand: DAYS=
	@exec $(PY) -m tools.sessions $(if $(DAYS),--days $(DAYS))

drift: $(STAMP) ## Take snapshots of three days with changing columns, and query them: USERS= SQL=
	@exec $(PY) -m tools.drift $(if $(USERS),--users $(USERS)) $(if $(SQL),--sql "$(SQL)")

sql: $(STAMP) ## Say whether Athena runs a query, and how to write it else: SQL=, or all saved queries
	@exec $(PY) -m sandbox.athena.check $(if $(SQL),"$(SQL)")

tables: $(STAMP) ## Print every parameter and every alarm of the stack
	@$(PY) -m tools.stack_tables

iam: $(STAMP) ## Run the whole flow under the template's roles, and list calls made and denied
	@$(PY) -m tools.iam

pictures: $(STAMP) ## Draw docs/pictures: a real run, and the dashboard's layout
	@$(PY) -m tools.pictures

build: $(STAMP) ## Build the package for Lambda's Python and processor, and print its sizes
	@tools/tool-env sam
	@tools/build .aws-sam/build

artifact: $(STAMP) ## Run the build in Lambda's runtime client: cold start, deadline, errors
	@$(PY) -m tools.artifact

# Only what was written behind make: a shell's own EMAIL or REGION decides nothing. Unknown words come along, to be refused.
WORDS = $(foreach name,$(filter-out PYTHON AWS_%,$(.VARIABLES)),$(if $(filter command,$(firstword $(origin $(name)))),$(name)="$$$(name)"))

deploy: $(STAMP) ## Deploy, or update what was deployed: CHAINS= EMAIL= ENV= REGION=, PARAMETERS= TAGS= STACK= YES=1
	@exec $(PY) -m tools.deploy $(WORDS)

rehearse: $(STAMP) ## Play make deploy up to its change set and the yes, without an AWS account: the same words
	@exec $(PY) -m tools.deploy.rehearsal $(WORDS)

status: $(STAMP) ## Show how the deployed stack stands, and the first thing to do
	@exec $(COMMAND) status $(PLACE)

doctor: $(STAMP) ## Tell what is wrong with a set-up, before its deployment and after it: ENV= PROBE= CHAIN=
	@exec $(COMMAND) doctor $(PLACE) $(if $(PROBE),--probe) $(if $(CHAIN),--chain $(CHAIN))

login: $(STAMP) ## Log in to Spaaza, and put the session into the secret of the deployed stack
	@exec $(COMMAND) login $(PLACE)

snapshot: $(STAMP) ## Run the deployed function and wait for its snapshot: CHAIN= DATE= FORCE= ACCEPT=
	@exec $(COMMAND) invoke $(PLACE) \
	    $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE)) $(if $(FORCE),--force) $(if $(ACCEPT),--accept)

athena: $(STAMP) ## Create the views in Athena, and run a saved query: QUERY= PARAMETERS=
	@exec $(COMMAND) athena $(PLACE) --sql athena \
	    $(if $(QUERY),--query $(QUERY)) $(if $(PARAMETERS),--parameter $(PARAMETERS))

logs: $(STAMP) ## Print what the functions have logged: SINCE=12h CHAIN= FUNCTION=Export, Parquet or Rotation, FOLLOW=1
	@exec $(COMMAND) logs $(PLACE) $(if $(SINCE),--since "$(SINCE)") $(if $(CHAIN),--chain $(CHAIN)) \
	    $(if $(FUNCTION),--function $(FUNCTION)) $(if $(FOLLOW),--follow)

STORED = $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE)) $(if $(ALL),--all)

verify: $(STAMP) ## Prove stored snapshots against their manifests: CHAIN= DATE= ALL=1 QUICK=1
	@exec $(COMMAND) verify $(PLACE) $(STORED) $(if $(QUICK),--quick)

rebuild: $(STAMP) ## Make typed copies anew, as after a change of types: CHAIN= DATE= or ALL=1
	@exec $(COMMAND) rebuild $(PLACE) $(STORED)

erase: $(STAMP) ## Erase people from a chain's snapshots; asks for their ids, shows the plan: CHAIN= YES=
	@exec $(COMMAND) erase $(PLACE) --chain $(CHAIN) $(if $(YES),--yes)

destroy: $(STAMP) ## Delete the stack, and say what is kept
	@place=$$($(COMMAND) where $(PLACE)); tools/tool-env sam; \
	echo "Keeps the bucket with every snapshot; its objects keep expiring under the lifecycle rules. A login secret stays too, with its password. Deletes everything else."; \
	$(SAM) delete $$place

pins: $(STAMP) ## Update the pinned requirements
	@tools/pins

clean: ## Remove everything the other targets made
	@rm -rf $(VENV) .tools .aws-sam .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: $(shell sed -n 's/^\([a-z]*\):.*\#\# .*/\1/p' Makefile)
