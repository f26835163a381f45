# Every command does its own set-up: a virtual environment in .venv with what it needs.
PYTHON ?= python3
DEPLOY_PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-run
TRAIN_READY := $(VENV)/.ready-train
TEST_READY := $(VENV)/.ready-test
DEPLOY_TOOLS := airflow-2 airflow-3 deploy
DEPLOY_READY := $(foreach tool,$(DEPLOY_TOOLS),$(VENV)/$(tool)/.ready)
ADDED := ccnet_pipeline/language/added.ftz
MODELS ?= models
SAMPLE := ccnet_pipeline/sample
GPU_OUT ?= runs/gpu
BENCH ?= --input $(SAMPLE)/crawl --lid_model lid.176.ftz --lm_dir $(SAMPLE)/lm --segments 20 --hashes 1000000
LOCK := $(BIN)/python -m uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header \
	--python-platform x86_64-manylinux_2_28
INSTALL_CHROMIUM := apt-get install -y -qq --no-install-recommends chromium > /dev/null
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run train kenlm models text-given test tests docs-test report-test report-pictures flink-test lint bench bench-filters gpu sample image-test locks deploy-test clean

run: $(RUN_READY) ## build the bundled sample crawl and print what was built
	$(BIN)/python -m beam_jobs.build_cc100

train: $(TRAIN_READY) run ## train an XLM-R of the smallest size on the sample's shards
	$(BIN)/python -m model.pretrain --data cc100-sample/shards

kenlm: $(VENV)/kenlm/bin/lmplz ## build KenLM's trainer, which `python -m ccnet_pipeline.fluency train` runs

models: text-given $(RUN_READY) kenlm $(ADDED) ## train the language models of a folder of text: make models TEXT=texts
	$(BIN)/python -m ccnet_pipeline.fluency train --all "$(TEXT)" --output "$(MODELS)"

# It comes with the package; a checkout without it makes it of the same folder, as language/added.md says.
$(ADDED): | $(RUN_READY)
	$(INSTALL) --editable '.[train]'
	$(BIN)/python -m ccnet_pipeline.language train --text "$(TEXT)" --output "$@" --lid_model lid.176.ftz --romanised

text-given:
	@test -n "$(TEXT)" || { echo "make $(MAKECMDGOALS) TEXT=DIR: DIR holds <code>.txt.zst, shards, dumps" >&2; exit 2; }

# Side by side: mypy keeps one processor busy for a minute.
test: $(TEST_READY) ## check style, types and layers, and run every test
	$(MAKE) --no-print-directory --jobs=2 lint tests

tests: $(TEST_READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

docs-test: $(TEST_READY) ## run every command of the documentation, those that take a minute included
	$(BIN)/python -m pytest -m "docs or not docs" tests/docs

# With Debian's Chromium, which root gets here; other users install it themselves, or some tests skip.
report-test: $(TEST_READY) ## look at the report in a real browser: open, sort, search, print it; axe-core; hostile pages
	-[ "$$(id -u)" != 0 ] || command -v chromium > /dev/null || { apt-get update -qq && $(INSTALL_CHROMIUM); }
	$(BIN)/python -m pytest tests/report

report-pictures: $(TEST_READY) ## take the pictures of the report in docs/ anew
	$(BIN)/python -m tests.report.browser.pictures

# Needs Java 17, Beam's job server for Flink (CC100_FLINK_JAR, default: the jar in ../shared/flink), root and iproute2.
flink-test: $(TEST_READY) ## build on Flink: embedded, and on a cluster of two hosts of which some are lost
	$(BIN)/python -m pytest -m "flink or not flink" tests/flink

# With real Airflows, each in an environment of its own (2 GB together); Terraform and kubectl where they are installed.
deploy-test: $(TEST_READY) $(DEPLOY_READY) ## test deploy/ with Airflow 2 and 3, Kubernetes' client, Terraform
	$(BIN)/python -m pytest tests/deploy

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# On the bundled sample by default; benchmarks/README.md says what the bars are measured on.
bench: $(RUN_READY) ## measure every bar of docs/design.md: make bench [BENCH="--input ..."]
	$(BIN)/python benchmarks/bars.py $(BENCH)

bench-filters: text-given $(TEST_READY) ## compare our filters with datatrove's: make bench-filters TEXT=texts
	$(INSTALL) spacy
	$(BIN)/python benchmarks/filters.py --text "$(TEXT)"

# With a GPU $(VENV) must hold a CUDA build of torch; without one it runs at a toy size, and measures nothing.
gpu: $(TEST_READY) run ## try and measure training on one GPU, in eleven minutes: make gpu [GPU_OUT=runs/gpu]
	PYTHON="$(CURDIR)/$(BIN)/python" benchmarks/gpu.sh cc100-sample/shards "$(GPU_OUT)"

sample: $(TEST_READY) ## make the sample crawl anew from its texts
	$(BIN)/python -m ccnet_pipeline.sample

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): $(VENV)/bin/python pyproject.toml
	$(INSTALL) --editable '.[beam]'
	touch $@

$(VENV)/kenlm/bin/lmplz: | $(VENV)/bin/python
	PYTHON="$(CURDIR)/$(BIN)/python" docker/build_kenlm.sh $(VENV)/kenlm

# The build of torch that the tests know; `pip install -e '.[model]'` alone takes the newest.
$(TRAIN_READY): $(RUN_READY)
	$(INSTALL) torch==2.13.0
	$(INSTALL) --editable '.[model]'
	touch $@

# Azurite is Azure's blobs on this machine, and runs on node; tests that want it skip where it is not.
$(TEST_READY): $(VENV)/bin/python pyproject.toml
	$(INSTALL) --editable '.[dev]'
	-command -v npm > /dev/null && npm install --silent --prefix $(VENV) azurite@3
	touch $@ $(RUN_READY) $(TRAIN_READY)

image-test: $(TEST_READY) ## run the steps of docker/pipeline.Dockerfile in a clean root, without Docker: needs root
	CC100_IMAGE_TEST=1 $(BIN)/python -m pytest -s -n 0 tests/images

locks: $(TEST_READY) ## renew the versions and hashes of what the images hold (docker/locks)
	$(INSTALL) uv
	$(LOCK) --python-version 3.11 -o docker/locks/build.txt docker/locks/build.in
	$(LOCK) --python-version 3.11 --extra dataflow --extra fast --extra gcs --extra s3 --extra trafilatura \
		-o docker/locks/pipeline.txt pyproject.toml
	$(LOCK) --python-version 3.12 --extra model -o docker/locks/model.txt pyproject.toml docker/locks/model.in

# The lists are whole, with versions for a Python that all of them know; pip would take minutes.
$(DEPLOY_READY): $(VENV)/%/.ready: tests/deploy/requirements/%.txt | $(VENV)/bin/python
	$(INSTALL) uv
	$(BIN)/uv venv --quiet --python $(DEPLOY_PYTHON) $(VENV)/$*
	$(BIN)/uv pip install --quiet --python $(VENV)/$*/bin/python --requirement $<
	touch $@

clean: ## remove the virtual environment and what the sample left
	rm -rf $(VENV) cc100-sample runs
