# The entry point of the project. It needs make and Python 3.11 or later, and installs everything else into .venv and .tools.

PYTHON ?= python3

UV := .venv/bin/uv
SAM := .tools/sam/bin/sam
SYNC := $(UV) pip sync --quiet --require-hashes
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

# AWS's Lambda runtime emulator runs on Linux only. On other systems the tests on the embedded AWS are skipped.
EMBEDDED_AWS := $(if $(filter Linux,$(shell uname)),.tools/.done)

# With Node: the CDK and the package for it, the SARIF validator, CloudFormation Guard, and a YAML parser. Without Node their tests are skipped.
NODE_TOOLS := $(if $(shell command -v npm),.tools/cdk/.done .tools/sarif/.done .tools/guard/.done .tools/yaml/node_modules)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
NPM_CI := npm ci --silent --no-audit --no-fund --ignore-scripts

# LocalStack's dependencies do not support Python 3.14 together. If no older Python is installed, uv downloads one.
OLDER_PYTHON := >=3.11,<3.14

# `make test ARGS="-k secrets"`
ARGS ?=
PYTEST = .venv/bin/python -m pytest $(ARGS)

# Programs in .venv come first, because `sam build` runs its Makefile with the first python3 on PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS='|' read -r name what; do printf '%-10s %s\n' "$$name" "$$what"; done

# --- see it run --------------------------------------------------------------------------------------------------

.PHONY: demo aws drill fleet bench soak
demo: linux .venv/.done $(EMBEDDED_AWS) ## Deploy the macro and a sample application to an AWS embedded on this machine
	@.venv/bin/python demo/demo.py

aws: linux .venv/.done $(EMBEDDED_AWS) ## Open a shell whose AWS is emulated on this machine, for the tutorial without an account
	@.venv/bin/python demo/aws_shell.py

drill: linux .venv/.done $(EMBEDDED_AWS) ## Take 30 repositories through inventory, check, enable, deployment and coverage, on the same AWS
	@PYTHONPATH=tests:src:demo .venv/bin/python -m drill

# `make fleet STACKS=20`
STACKS ?= 200
fleet: linux .venv/.done $(EMBEDDED_AWS) ## Update the stacks that are behind, of STACKS (200), in waves with a failure, on the same AWS
	@PYTHONPATH=tests:src:demo .venv/bin/python -m fleet --stacks $(STACKS)

# `make bench BEFORE=v1.2.3 ARGS="--only json"`, `make bench ARGS=--instructions`
BEFORE ?=
bench: linux .venv/.done $(EMBEDDED_AWS) ## Measure each goal of docs/performance.md, on request beside another revision: make bench BEFORE=…
	@.venv/bin/python bench/goals.py $(if $(BEFORE),--before "$(BEFORE)") $(ARGS)

# `make soak MINUTES=30`
MINUTES ?= 3
soak: linux .venv/.done $(EMBEDDED_AWS) ## Create stacks for MINUTES, eight at a time, while the registry fails now and then
	@.venv/bin/python bench/soak.py --minutes $(MINUTES)

.PHONY: linux
linux:
	@test "$$(uname)" = Linux || { echo 'The embedded AWS runs on Linux only, as the Lambda runtime emulator does. Try:' \
		'docker run --rm -it -v "$$PWD:/work" -w /work python:3.13 make demo' >&2; exit 1; }

# --- change it ---------------------------------------------------------------------------------------------------

.PHONY: dev test unit corpus compare fuzz mutants golden lint types fmt docs site site-release lock
dev: .venv/.done .tools/yaml/older $(EMBEDDED_AWS) $(NODE_TOOLS) ## Create the virtual environments

test: .venv/.done .tools/yaml/older $(EMBEDDED_AWS) $(NODE_TOOLS) ## Run all tests: about 8 minutes on two cores
	$(PYTEST) -n auto --dist loadgroup --no-loadscope-reorder

# The tests to run after each change.
UNIT := tests/engine tests/documents tests/lookup tests/test_cases.py tests/test_handler.py tests/test_hook.py
unit: .venv/.done ## Run the tests of engine, documents, lookups, cases, handler and hook: about a minute on two cores
	$(PYTEST) -n auto --dist loadgroup --no-loadscope-reorder $(UNIT)

corpus: .venv/.done ## Instrument a folder of templates or task definitions and verify the outputs: make corpus DIR=…
	@test -n "$(DIR)" || { echo 'Which folder? make corpus DIR=templates' >&2; exit 2; }
	@PYTHONPATH=tests:src .venv/bin/python -m corpus "$(DIR)"

# `make compare BASE=../other-checkout CORPUS=…`
compare: .venv/.done ## Prove that only wording differs from another checkout: make compare BASE=… [CORPUS=…]
	@test -n "$(BASE)" || { echo 'Compare with which checkout? make compare BASE=…' >&2; exit 2; }
	@.venv/bin/python tools/compare.py --base "$(BASE)" $(if $(CORPUS),--corpus "$(CORPUS)")

# `make fuzz SECONDS=1800 TARGETS="documents challenges"`
SECONDS ?= 60
TARGETS ?=
fuzz: linux .venv/.done .tools/fuzz/.done ## Fuzz each parser and the handler for SECONDS
	@PYTHONPATH=tests:src .tools/fuzz/bin/python -m fuzz --seconds $(SECONDS) $(TARGETS)

# A part of them: `make mutants MUTANTS='*selection*'`, or the tenth whose numbers end in 7: `make mutants MUTANTS='*7'`
MUTANTS ?= *
mutants: .venv/.done .tools/mutants/.done ## Change the engine in thousands of ways, one at a time, and count the changes that the tests find: half an hour
	@.tools/mutants/bin/mutmut run '$(MUTANTS)'
	@.tools/mutants/bin/python tools/mutation_report.py

golden: .venv/.done ## Rewrite the expected files of tests/cases; read the diff before you commit
	GOLDEN=1 $(PYTEST) tests/test_cases.py

lint: .venv/.done ## Check style and templates
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/cfn-lint template.yaml templates/*.yaml demo/*.yaml

types: .venv/.done ## Check the types
	.venv/bin/mypy

fmt: .venv/.done ## Format the code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: .venv/.done ## Generate the files that come from the settings and from the lock files, and the pictures
	.venv/bin/python tools/generate.py
	.venv/bin/python tools/pictures.py

# A warning of MkDocs' theme about a later MkDocs would be printed at each run.
site: .tools/site/.done ## Build the documentation as a site in build/site
	@NO_MKDOCS_2_WARNING=1 .tools/site/bin/mkdocs build --quiet
	@echo build/site/index.html

site-release: site ## Put the site of this release into a folder with those of earlier ones: make site-release INTO=…
	@test -n "$(INTO)" || { echo 'Into which folder? make site-release INTO=../sites' >&2; exit 2; }
	@.venv/bin/python tools/publish_site.py "$(INTO)"

lock: .venv/.done ## Lock all requirements to their newest versions
	$(COMPILE) src/requirements.in -o src/requirements.txt
	for name in uv dev sam emulator fuzz mutants sbom release site cdk; do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	$(COMPILE) requirements/cli.in --constraint requirements/dev.txt -o requirements/cli.txt
	$(COMPILE) --project demo --exclude-newer 2026-03-10 \
		requirements/localstack.in -o requirements/localstack.txt
	@! grep -nE '(https?|file)://' src/requirements.txt requirements/*.txt

# --- ship it -----------------------------------------------------------------------------------------------------

.PHONY: build package sbom release cdk pr clean
build: .venv/.done .tools/sam/.done ## Build the function for `sam deploy`
	$(SAM) build

# A stack's function must come from a bucket in the stack's Region, so each Region has its own: BUCKET-REGION. The object
# has the same key in all buckets, so that one template serves all Regions.
# What only the build and cfn-lint read goes, and the spaces in the dashboard.
BUILT := .aws-sam/build/template.yaml
DIST := dist

# JSON, which is YAML, too: CloudFormation takes at most 51,200 bytes from a command, and SAM's YAML is larger.
define FOR_ALL_REGIONS
import json, sys
path, bucket = sys.argv[1:]
template = json.load(open(path))
for resource in template["Resources"].values():
    resource.pop("Metadata", None)
    properties = resource["Properties"]
    if "S3Bucket" in properties.get("Code", {}):
        properties["Code"]["S3Bucket"] = {"Fn::Sub": bucket}
    if "DashboardBody" in properties:
        body = json.loads(properties["DashboardBody"]["Fn::Sub"])
        properties["DashboardBody"]["Fn::Sub"] = json.dumps(body, separators=(",", ":"))
json.dump(template, open(path, "w"), separators=(",", ":"))
endef
export FOR_ALL_REGIONS

package: build ## Upload the function to S3 (BUCKET=… REGIONS="…") and write dist/template.yaml for stack sets
	@test -n '$(BUCKET)' -a -n '$(REGIONS)' \
		|| { echo 'Give BUCKET and REGIONS: the function goes into the bucket BUCKET-REGION of each Region' >&2; exit 2; }
	@mkdir -p $(DIST)
	for region in $(REGIONS); do $(SAM) package --template-file $(BUILT) --output-template-file $(DIST)/template.yaml \
		--use-json --region $$region --s3-bucket $(BUCKET)-$$region --s3-prefix sysdig-instrument --no-progressbar || exit 1; done
	@$(PYTHON) -c "$$FOR_ALL_REGIONS" $(DIST)/template.yaml '$(BUCKET)-$${AWS::Region}'

# Each is made in an environment that has the locked packages and nothing else.
sbom: .tools/sbom/.done ## Write the software bills of materials of the function and of the command line tool to dist/
	@mkdir -p $(DIST)
	@for part in function=src/requirements.txt cli=requirements/cli.txt; do \
		$(UV) venv --quiet --clear --python .venv/bin/python build/sbom && \
		VIRTUAL_ENV=build/sbom $(SYNC) "$${part#*=}" && \
		.tools/sbom/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
			--output-file "$(DIST)/$${part%=*}.cdx.json" build/sbom || exit 1; \
		echo "$(DIST)/$${part%=*}.cdx.json"; \
	done

# `make release BUCKET=acme-macros` makes that bucket the default of the templates' parameter FunctionBucket.
release: .venv/.done .tools/release/.done .tools/sbom/.done ## Make everything that is published, reproducibly, in dist/VERSION
	@.venv/bin/python tools/release.py --bucket '$(BUCKET)'

cdk: .tools/cdk/.done ## Build the CDK package for npm and PyPI, try it in an app in TypeScript and in one in Python, and write it to dist/cdk
	$(PYTEST) tests/uses/test_cdk.py
	@mkdir -p $(DIST)/cdk && cp .tools/cdk/package/dist/*.tgz .tools/cdk/package/dist/*.whl $(DIST)/cdk/ && ls $(DIST)/cdk

pr: lint types release site test $(if $(EMBEDDED_AWS),demo) ## Run everything that CI runs

clean: ## Remove everything that make has created
	rm -rf cdk/.jsii cdk/dist cdk/lib cdk/node_modules .venv .tools .aws-sam build dist mutants .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- virtual environments; the file .done in each one marks it as up to date -------------------------------------

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
	@echo "mutmut, and the packages of the tests: .tools/mutants"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/mutants
	@VIRTUAL_ENV=.tools/mutants $(SYNC) requirements/mutants.txt
	@touch $@

# If the Python of the function's runtime is installed, it is used: then the bundle's compiled files are loaded, as in AWS.
.tools/lambda/.done: requirements/emulator.txt | .venv/.done
	@echo "The packages of the Lambda runtime: .tools/lambda"
	@python="$$($(MAKE) --silent --no-print-directory -C src python)"; \
		$(UV) venv --quiet --clear --python "$${python:-.venv/bin/python}" .tools/lambda
	@VIRTUAL_ENV=.tools/lambda $(SYNC) --compile-bytecode requirements/emulator.txt
	@touch $@

.tools/sbom/.done: requirements/sbom.txt | .venv/.done
	@echo "CycloneDX, for software bills of materials: .tools/sbom"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/sbom
	@VIRTUAL_ENV=.tools/sbom $(SYNC) requirements/sbom.txt
	@touch $@

# Parsers for the tests of the YAML that is written. They are too old for the Python that is used, but their wheels for
# Windows contain them as Python files, which run everywhere.
.tools/yaml/older: requirements/older-yaml.txt | .venv/.done
	@echo "Older YAML parsers: .tools/yaml"
	@rm -rf $@
	@$(UV) pip install --quiet --no-deps --require-hashes --only-binary :all: --python-version 3.7 \
		--python-platform windows --target $@ -r requirements/older-yaml.txt
	@touch $@

.tools/release/.done: requirements/release.txt | .venv/.done
	@echo "shiv, for the one-file command line tool: .tools/release"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/release
	@VIRTUAL_ENV=.tools/release $(SYNC) requirements/release.txt
	@touch $@

.tools/site/.done: requirements/site.txt | .venv/.done
	@echo "Material for MkDocs, for the site: .tools/site"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/site
	@VIRTUAL_ENV=.tools/site $(SYNC) requirements/site.txt
	@touch $@

# The package is built in a copy of cdk/, packed for npm and PyPI, and both packs are installed beside the CDK's own libraries.
# If npm is installed but cannot reach its registry, these are missing and everything else works.
CDK_SOURCES := $(wildcard cdk/*.json cdk/*.md cdk/src/*.ts cdk/test/*.js)
.tools/cdk/.done: requirements/cdk.txt examples/cdk-typescript/package-lock.json $(CDK_SOURCES) | .venv/.done
	@echo "AWS CDK, and the package for it: .tools/cdk"
	@$(UV) venv --quiet --allow-existing --python .venv/bin/python .tools/cdk
	@VIRTUAL_ENV=.tools/cdk $(SYNC) requirements/cdk.txt
	@mkdir -p .tools/cdk/package && cd .tools/cdk/package && rm -rf src test lib dist
	@cp -R cdk/src cdk/test cdk/*.json cdk/*.md LICENSE .tools/cdk/package/
	@cp examples/cdk-typescript/package.json examples/cdk-typescript/package-lock.json .tools/cdk/
	@(cd .tools/cdk && $(NPM_CI)) && cd .tools/cdk/package && $(NPM_CI) \
		&& npm run --silent build && npm run --silent package \
		&& VIRTUAL_ENV=.. ../../../$(UV) build --quiet --wheel --no-build-isolation --out-dir dist dist/python \
		&& VIRTUAL_ENV=.. ../../../$(UV) pip install --quiet --no-deps --reinstall dist/*.whl \
		&& (cd .. && npm install --silent --no-save --no-audit --no-fund --ignore-scripts package/dist/*.tgz) \
		&& touch ../.done || echo "npm failed, so the CDK's package and examples are not tested"

.tools/sarif/.done: requirements/sarif/package-lock.json
	@echo "The schema and the validator of SARIF: .tools/sarif"
	@mkdir -p .tools/sarif && cp requirements/sarif/*.json .tools/sarif/
	@cd .tools/sarif && $(NPM_CI) && chmod +x node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool \
		&& touch .done || echo "npm failed, so SARIF reports are not validated"

# The CDK's validator contains Guard's program. It also names the CDK as its peer, which is not needed for that.
.tools/guard/.done: requirements/guard/package-lock.json
	@echo "CloudFormation Guard: .tools/guard"
	@mkdir -p .tools/guard && cp requirements/guard/*.json .tools/guard/
	@cd .tools/guard && $(NPM_CI) --legacy-peer-deps && touch .done || echo "npm failed, so the rules for Guard are not tested"

.tools/yaml/node_modules: requirements/yaml/package-lock.json
	@echo "A YAML parser in JavaScript: .tools/yaml"
	@mkdir -p .tools/yaml && cp requirements/yaml/*.json .tools/yaml/
	@cd .tools/yaml && $(NPM_CI) && touch node_modules || echo "npm failed, so the YAML is not read by a parser in JavaScript"
