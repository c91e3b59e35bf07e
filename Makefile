# Every target works on a fresh clone. setup needs package registries, and so do the tools that check and build the
# template.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Without the bytecode of the tests, each process that runs some of them compiles all of them for eight seconds.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
SAM := SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam

# `make deploy` writes each environment's stack and region into samconfig.toml; ENV=, or STACK= and REGION=, choose one.
COMMAND := $(VENV)/bin/spaaza-snapshots
# A switch is on only if somebody wrote it behind make, as FORCE=1: a shell's own YES erases nobody, and nor does YES=0.
switch = $(if $(filter command,$(origin $(1))),$(if $($(1)),$(if $(filter 1,$($(1))),--$(2),$(error $(1)=$($(1)): write $(1)=1, or leave it out))))
# Nor does its ENV, which POSIX shells export, or its STACK choose what is erased or destroyed.
given = $(if $(filter command,$(firstword $(origin $(1)))),$(if $($(1)),--$(2) $($(1))))
PLACE = $(call given,ENV,env) $(call given,STACK,stack) $(call given,REGION,region)

help: ## Show this list
	@bold= plain=; if [ -t 1 ]; then bold=$$'\033[1m' plain=$$'\033[0m'; fi; \
	awk -v bold="$$bold" -v plain="$$plain" -F':.*## ' \
	    '/^##@ /{print "\n" bold substr($$0, 5) plain} /^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2} \
	    END {print "\nENV= names the deployed stack, or STACK= and REGION= do; with one in samconfig.toml, leave them out."}' \
	    $(MAKEFILE_LIST)

##@ Anyone: see it work, without an AWS account

run: $(STAMP) ## Take two snapshots on this machine and query them: USERS= CHAIN= DATE=
	@exec $(PY) -m tools.demo $(if $(USERS),--users $(USERS)) $(if $(CHAIN),--chain $(CHAIN)) $(if $(DATE),--date $(DATE))

drift: $(STAMP) ## Take snapshots of three days with changing columns, and query them: USERS= SQL=
	@exec $(PY) -m tools.drift $(if $(USERS),--users $(USERS)) $(if $(SQL),--sql "$$SQL")

sql: $(STAMP) ## Say whether Athena runs a query, and if not, how to write it: SQL=, or all saved queries
	@exec $(PY) -m sandbox.athena.check $(if $(SQL),"$$SQL")

# Only what was written behind make: a shell's own EMAIL or REGION decides nothing. Unknown words come along, to be refused.
WORDS = $(foreach name,$(filter-out PYTHON AWS_%,$(.VARIABLES)),$(if $(filter command,$(firstword $(origin $(name)))),$(name)="$$$(name)"))

rehearse: $(STAMP) ## Rehearse make deploy up to its change set: the same words, or none for an example
	@exec $(PY) -m tools.deploy.rehearsal $(WORDS)

##@ Data engineer: deploy and query

doctor: $(STAMP) ## Check everything before a deployment (ENV= REGION=), or after it: PROBE=1 CHAIN=
	@exec $(COMMAND) doctor $(PLACE) $(call switch,PROBE,probe) $(if $(CHAIN),--chain $(CHAIN))

deploy: $(STAMP) ## Deploy or update a stack: CHAINS= EMAIL= ENV= REGION=, PARAMETERS= TAGS= STACK= YES=1
	@exec $(PY) -m tools.deploy $(WORDS)

tables: $(STAMP) ## Print every parameter and every alarm of the stack, with their bounds
	@$(PY) -m tools.stack_tables

login: $(STAMP) ## Log in to Spaaza, and store the session in the stack's secret
	@exec $(COMMAND) login $(PLACE)

snapshot: $(STAMP) ## Take a snapshot now; with CHAIN=, wait for it: DATE= FORCE=1 ACCEPT=1
	@exec $(COMMAND) invoke $(PLACE) \
	    $(call given,CHAIN,chain) $(call given,DATE,date) $(call switch,FORCE,force) $(call switch,ACCEPT,accept)

athena: $(STAMP) ## Create the views in Athena, and run a saved query: QUERY= PARAMETERS=
	@exec $(COMMAND) athena $(PLACE) --sql athena \
	    $(if $(QUERY),--query $(QUERY)) $(if $(PARAMETERS),--parameter $(PARAMETERS))

destroy: $(STAMP) ## Delete the stack, and say what stays
	@place=$$($(COMMAND) where $(PLACE)); tools/tool-env sam; \
	echo "Keeps the bucket with every snapshot; its objects keep expiring under the lifecycle rules. A login secret stays too, with its password. Deletes everything else."; \
	$(SAM) delete $$place

##@ Operator: keep it running

status: $(STAMP) ## Show how the stack is doing, and what to do first
	@exec $(COMMAND) status $(PLACE)

logs: $(STAMP) ## Print the functions' logs: SINCE=12h CHAIN= FUNCTION=Export|Parquet|Rotation FOLLOW=1
	@exec $(COMMAND) logs $(PLACE) $(if $(SINCE),--since "$(SINCE)") $(if $(CHAIN),--chain $(CHAIN)) \
	    $(if $(FUNCTION),--function $(FUNCTION)) $(call switch,FOLLOW,follow)

STORED = $(call given,CHAIN,chain) $(call given,DATE,date) $(call switch,ALL,all)

verify: $(STAMP) ## Prove stored snapshots against their manifests: CHAIN= DATE= ALL=1 QUICK=1
	@exec $(COMMAND) verify $(PLACE) $(STORED) $(call switch,QUICK,quick)

rebuild: $(STAMP) ## Rebuild typed copies, as after a change of the converter: CHAIN= DATE=, or ALL=1
	@exec $(COMMAND) rebuild $(PLACE) $(STORED)

erase: $(STAMP) ## Erase people from a chain's snapshots; asks for their ids, shows the plan: CHAIN= YES=1
	@exec $(COMMAND) erase $(PLACE) $(call given,CHAIN,chain) $(call switch,YES,yes)

##@ Developer: change it

setup: $(STAMP) ## Make .venv with everything to run, test and check

$(STAMP): requirements/uv.txt requirements/dev.txt pyproject.toml tools/setup tools/python
	@tools/setup $(VENV)
	@touch $@

# Many tests wait for servers, so that two cores have work for four workers.
PYTEST = -n 4 --dist worksteal

quick: $(STAMP) ## Run the unit tests, in about a minute
	@$(PY) -m pytest $(PYTEST) -m "not slow" tests/unit

test: $(STAMP) ## Run all tests; with COVERAGE=1, also hold the floor of branch coverage
ifeq ($(COVERAGE),1)
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest $(PYTEST)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report
else
	@$(PY) -m pytest $(PYTEST)
endif

check: $(STAMP) ## Check format, lint, types, imports between rooms, and the template
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/cfn-lint -t template.yaml events/rules/*.yaml -r eu-west-1
	@tools/tool-env sam checkov
	@$(SAM) validate --lint --region eu-west-1
	@.tools/checkov/bin/checkov

build: $(STAMP) ## Build the package for Lambda, and print its sizes
	@tools/tool-env sam
	@tools/build .aws-sam/build

artifact: $(STAMP) ## Run the build in Lambda's runtime client: cold start, deadline, errors
	@$(PY) -m tools.artifact

iam: $(STAMP) ## Run the whole flow under the template's roles, and list each call, made or denied
	@$(PY) -m tools.iam

crash: $(STAMP) ## kill -9 the function at the worst moments, and print what it leaves
	@$(PY) -m tools.crashes

model: $(STAMP) ## Run the commit against a model of S3, with a fault at every call: MINUTES= SEED=
	@exec $(PY) -m sandbox.model $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

campaign: $(STAMP) ## Live days on real servers with faults everywhere, and check each step: MINUTES= SEED=
	@exec $(PY) -m sandbox.campaign $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

fuzz: $(STAMP) ## Fuzz whatever reads foreign bytes: MINUTES= TARGET=, and KEEP=1 renews tests/corpus
	@exec $(PY) -m sandbox.fuzz $(if $(MINUTES),--minutes $(MINUTES)) $(if $(TARGET),--target $(TARGET)) $(call switch,KEEP,keep)

mutants: $(STAMP) ## Change one thing at a time, and see which test notices: MODULE=snapshot/commit SAMPLE= SEED=
	@exec $(PY) -m tools.mutants $(MODULE) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

contract: $(STAMP) ## Test the assumptions about S3 on a real bucket, and leave nothing there: BUCKET= REGION=
	@exec $(PY) -m tools.contract $(if $(BUCKET),--bucket $(BUCKET)) $(if $(REGION),--region $(REGION))

session: $(STAMP) ## Play sixty days of renewing the session, by itself and by hand: DAYS=
	@exec $(PY) -m tools.sessions $(if $(DAYS),--days $(DAYS))

bench: $(STAMP) ## Measure the functions beside their limits and peers: QUICK=1, or SIZE= ROUNDS= SIZES= PARTS=
	@exec $(PY) -m tools.bench $(call switch,QUICK,quick) $(if $(SIZE),--size $(SIZE)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	    $(if $(SIZES),--sizes $(SIZES)) $(if $(PARTS),--parts $(PARTS))

soak: $(STAMP) ## Load-test the export function, up to bombs and 200 chains: SNAPSHOTS= GB= CHAINS= PARTS=
	@exec $(PY) -m tools.soak $(if $(SNAPSHOTS),--snapshots $(SNAPSHOTS)) $(if $(GB),--gb $(GB)) \
	    $(if $(CHAINS),--chains $(CHAINS)) $(if $(PARTS),--parts $(PARTS))

audit: $(STAMP) ## Look for known vulnerabilities in the pins (needs a network), and for secrets: SERVICE=
	@exec $(PY) -m tools.audit $(if $(SERVICE),--service "$(SERVICE)")

pictures: $(STAMP) ## Draw docs/pictures: a real run, and the dashboard's layout
	@$(PY) -m tools.pictures

pins: $(STAMP) ## Update the pinned requirements
	@tools/pins

clean: ## Remove everything the other targets made
	@rm -rf $(VENV) .tools .aws-sam .bench .mutants .fuzz .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: $(shell sed -n 's/^\([a-z]*\):.*\#\# .*/\1/p' Makefile)
