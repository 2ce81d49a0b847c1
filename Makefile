# Everything starts here. A machine needs Python 3.11 or later, and make; all else goes into .venv and .tools.

PYTHON ?= python3

UV := .venv/bin/uv
SAM := .tools/sam/bin/sam
SYNC := $(UV) pip sync --quiet --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

# The embedded AWS runs on Linux only, as AWS's Lambda runtime emulator does; elsewhere the tests on it are skipped.
EMBEDDED_AWS := $(if $(filter Linux,$(shell uname)),.tools/.done)

# Where Node is: the CDK, for its examples, and the validator of SARIF; elsewhere their tests are skipped.
NODE_TOOLS := $(if $(shell command -v npm),.tools/cdk/.done .tools/sarif/.done)
NPM_CI := npm ci --silent --no-audit --no-fund --ignore-scripts

# LocalStack's dependencies do not agree on Python 3.14; where this machine has nothing older, uv fetches one.
OLDER_PYTHON := >=3.11,<3.14

# `make test ARGS="-k secrets"`
ARGS ?=
PYTEST = .venv/bin/python -m pytest $(ARGS)

# Programs of .venv first: `sam build` runs its Makefile with the python3 that it finds.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS='|' read -r name what; do printf '%-10s %s\n' "$$name" "$$what"; done

# --- to see it ---------------------------------------------------------------------------------------------------

.PHONY: demo bench soak
demo: linux .venv/.done $(EMBEDDED_AWS) ## Deploy the macro and a sample application to an AWS embedded on this machine
	@.venv/bin/python demo/demo.py

bench: linux .venv/.done $(EMBEDDED_AWS) build ## Print what the function and the command line tool cost, in time and memory
	@.venv/bin/python bench/lambda_function.py
	@echo; .venv/bin/python bench/handler.py
	@echo; .venv/bin/python bench/lookups.py
	@echo; .venv/bin/python bench/command_line.py

# `make soak MINUTES=30`
MINUTES ?= 3
soak: linux .venv/.done $(EMBEDDED_AWS) ## Create stacks for MINUTES, eight at once, with a registry that fails now and then
	@.venv/bin/python bench/soak.py --minutes $(MINUTES)

.PHONY: linux
linux:
	@test "$$(uname)" = Linux || { echo 'The embedded AWS runs on Linux only, as the Lambda runtime emulator does. Try:' \
		'docker run --rm -it -v "$$PWD:/work" -w /work python:3.13 make demo' >&2; exit 1; }

# --- to change it ------------------------------------------------------------------------------------------------

.PHONY: dev test unit corpus compare fuzz mutants golden lint types fmt docs lock
dev: .venv/.done $(EMBEDDED_AWS) $(NODE_TOOLS) ## Make the virtual environments

test: .venv/.done $(EMBEDDED_AWS) $(NODE_TOOLS) ## Run all tests
	$(PYTEST) -n auto --dist loadgroup

unit: .venv/.done ## Run the tests that need no embedded AWS: seconds
	$(PYTEST) -n auto --dist loadgroup -m "not aws"

corpus: .venv/.done ## Instrument a folder of templates and verify the outputs: make corpus DIR=…
	@test -n "$(DIR)" || { echo 'Which folder? make corpus DIR=templates' >&2; exit 2; }
	@PYTHONPATH=tests:src .venv/bin/python -m corpus "$(DIR)"

# `make compare BASE=../other-checkout CORPUS=…`
compare: .venv/.done ## Prove that only wording differs from another checkout: make compare BASE=… [CORPUS=…]
	@test -n "$(BASE)" || { echo 'Compare with which checkout? make compare BASE=…' >&2; exit 2; }
	@.venv/bin/python tools/compare.py --base "$(BASE)" $(if $(CORPUS),--corpus "$(CORPUS)")

# `make fuzz SECONDS=1800 TARGETS="documents challenges"`
SECONDS ?= 60
TARGETS ?=
fuzz: linux .venv/.done .tools/fuzz/.done ## Fuzz the parsers and the handler, each for SECONDS
	@PYTHONPATH=tests:src .tools/fuzz/bin/python -m fuzz --seconds $(SECONDS) $(TARGETS)

# Some of them: `make mutants MUTANTS='*selection*'`, or the tenth part whose numbers end in 7, `make mutants MUTANTS='*7'`
MUTANTS ?= *
mutants: .venv/.done .tools/mutants/.done ## Change the engine in thousands of ways, one at a time, and count what the tests find
	@.tools/mutants/bin/mutmut run '$(MUTANTS)'
	@.tools/mutants/bin/python tools/mutation_report.py

golden: .venv/.done ## Write the expected files of tests/cases anew; read the diff before you commit
	GOLDEN=1 $(PYTEST) tests/test_cases.py

lint: .venv/.done ## Check style and templates
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/cfn-lint template.yaml demo/*.yaml

types: .venv/.done ## Check the types
	.venv/bin/mypy

fmt: .venv/.done ## Format the code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: .venv/.done ## Write what is generated: from the settings, from what is locked, and the pictures
	.venv/bin/python tools/generate.py
	.venv/bin/python tools/pictures.py

lock: .venv/.done ## Resolve all requirements again, to their newest versions
	$(COMPILE) src/requirements.in -o src/requirements.txt
	for name in uv dev sam emulator fuzz mutants sbom cdk; do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	$(COMPILE) requirements/cli.in --constraint requirements/dev.txt -o requirements/cli.txt
	$(COMPILE) --project demo --exclude-newer 2026-03-10 \
		requirements/localstack.in -o requirements/localstack.txt
	@! grep -nE '(https?|file)://' src/requirements.txt requirements/*.txt

# --- to ship it --------------------------------------------------------------------------------------------------

.PHONY: build package sbom pr clean
build: .venv/.done .tools/sam/.done ## Build the function, as `sam deploy` takes it
	$(SAM) build

# The function of a stack has to come from a bucket in its Region, so there is a bucket for each: BUCKET-REGION. What is
# put in there has the same name everywhere, and one template serves all Regions.
BUILT := .aws-sam/build/template.yaml
DIST := dist

package: build ## Put the function into S3 (BUCKET=… REGIONS="…"), and write dist/template.yaml for stack sets
	@test -n '$(BUCKET)' -a -n '$(REGIONS)' \
		|| { echo 'Give BUCKET and REGIONS: the function goes into the bucket BUCKET-REGION of each Region' >&2; exit 2; }
	@mkdir -p $(DIST)
	for region in $(REGIONS); do $(SAM) package --template-file $(BUILT) --output-template-file $(DIST)/template.yaml \
		--region $$region --s3-bucket $(BUCKET)-$$region --s3-prefix sysdig-instrument --no-progressbar || exit 1; done
	sed -i.bak 's/^\( *S3Bucket: \).*/\1!Sub $(BUCKET)-$${AWS::Region}/' $(DIST)/template.yaml && rm $(DIST)/template.yaml.bak

# Of what is locked, and of nothing else: each in an environment of its own.
sbom: .tools/sbom/.done ## Write the software bills of materials, of the function and of the command line tool, to dist/
	@mkdir -p $(DIST)
	@for part in function=src/requirements.txt cli=requirements/cli.txt; do \
		$(UV) venv --quiet --clear --python .venv/bin/python build/sbom && \
		VIRTUAL_ENV=build/sbom $(SYNC) "$${part#*=}" && \
		.tools/sbom/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
			--output-file "$(DIST)/$${part%=*}.cdx.json" build/sbom || exit 1; \
		echo "$(DIST)/$${part%=*}.cdx.json"; \
	done

pr: lint types sbom test $(if $(EMBEDDED_AWS),demo) ## All that CI does

clean: ## Remove all that was made here
	rm -rf .venv .tools .aws-sam build dist mutants .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- virtual environments, each with a stamp that says it is up to date ------------------------------------------

.venv/.done: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=…")'
	@echo "Python packages for the code and its tests: .venv"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@VIRTUAL_ENV=.venv $(SYNC) requirements/dev.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.tools/.done: .tools/sam/.done .tools/localstack/.done .tools/lambda/.done
	@touch $@

.tools/sam/.done: requirements/sam.txt | .venv/.done
	@echo "AWS SAM: .tools/sam"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/sam
	@VIRTUAL_ENV=.tools/sam $(SYNC) requirements/sam.txt
	@touch $@

.tools/localstack/.done: requirements/localstack.txt demo/pyproject.toml | .venv/.done
	@echo "LocalStack: .tools/localstack"
	@$(UV) venv --quiet --allow-existing --python '$(OLDER_PYTHON)' .tools/localstack
	@VIRTUAL_ENV=.tools/localstack $(SYNC) requirements/localstack.txt
	@VIRTUAL_ENV=.tools/localstack $(UV) pip install --quiet --no-deps --editable ./demo
	@touch $@

.tools/fuzz/.done: requirements/fuzz.txt | .venv/.done
	@echo "The fuzzer: .tools/fuzz"
	@$(UV) venv --quiet --allow-existing --python '$(OLDER_PYTHON)' .tools/fuzz
	@VIRTUAL_ENV=.tools/fuzz $(SYNC) requirements/fuzz.txt
	@touch $@

.tools/mutants/.done: requirements/mutants.txt | .venv/.done
	@echo "mutmut, and all that the tests need: .tools/mutants"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/mutants
	@VIRTUAL_ENV=.tools/mutants $(SYNC) requirements/mutants.txt
	@touch $@

# With the Python of the function's runtime where this machine has one: then the bundle's compiled files count, as in AWS.
.tools/lambda/.done: requirements/emulator.txt | .venv/.done
	@echo "What the Lambda runtime has: .tools/lambda"
	@python="$$($(MAKE) --silent --no-print-directory -C src python)"; \
		$(UV) venv --quiet --clear --python "$${python:-.venv/bin/python}" .tools/lambda
	@VIRTUAL_ENV=.tools/lambda $(SYNC) --compile-bytecode requirements/emulator.txt
	@touch $@

.tools/sbom/.done: requirements/sbom.txt | .venv/.done
	@echo "CycloneDX, for software bills of materials: .tools/sbom"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/sbom
	@VIRTUAL_ENV=.tools/sbom $(SYNC) requirements/sbom.txt
	@touch $@

# A machine may have npm and no way to its registry; then it has neither of these, and all else works.
.tools/cdk/.done: requirements/cdk.txt examples/cdk-typescript/package-lock.json | .venv/.done
	@echo "AWS CDK, for the examples: .tools/cdk"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/cdk
	@VIRTUAL_ENV=.tools/cdk $(SYNC) requirements/cdk.txt
	@cp examples/cdk-typescript/package.json examples/cdk-typescript/package-lock.json .tools/cdk/
	@cd .tools/cdk && $(NPM_CI) && touch .done || echo "npm has failed: the CDK's examples are not tested"

.tools/sarif/.done: requirements/sarif/package-lock.json
	@echo "The schema and the validator of SARIF: .tools/sarif"
	@mkdir -p .tools/sarif && cp requirements/sarif/*.json .tools/sarif/
	@cd .tools/sarif && $(NPM_CI) && chmod +x node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool \
		&& touch .done || echo "npm has failed: SARIF reports are not validated"
