# The two commands of the README are `make run` and `make test`; the rest is for developers.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STATE := $(or $(GRADER_STATE_DIR),/var/lib/grader)
RUN := $(GRADER_RUN_DIR)
RESULTS := results

RUN_PACKAGES := crun mmdebstrap
TEST_PACKAGES := $(RUN_PACKAGES) runc gcc libc6-dev redis-server postgresql slirp4netns chromium
VM_PACKAGES := qemu-system-x86 e2fsprogs cpio

CGROUP2_TESTS := $(addprefix tests/sandbox/test_,plain.py namespaces.py cgroups.py contained.py) \
	$(addprefix tests/observe/test_,oom.py cgroups.py answers.py) \
	$(wildcard exercises/a*) \
	$(addprefix --deselect tests/observe/test_answers.py::test_,compose_services_reach_one_another_by_name \
	all_images_are_seen_whatever_changed_them)

# Tests race real kernels and engines: what fails once is tried once more, and named in the summary.
ONCE_MORE := --reruns 1 -rR

CGROUP2_RUN = $(BIN)/python tests/cgroup2/run.py --deadline 2400 $(ONCE_MORE) -m "not slow or engine" $(CGROUP2_TESTS)

.PHONY: help run test test-here test-beside test-quick test-cgroup2 lint translations bench docs clean packages-run packages-test packages-vm

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

run: packages-run $(VENV)/run ## set everything up, grade the bundled sample submissions, then serve the web page
	@$(BIN)/grader images build
	@rm -rf $(RESULTS)/samples && mkdir -p $(RESULTS)
	@$(BIN)/grader samples --brief $(RESULTS)/samples
	@$(BIN)/grader batch $(RESULTS)/samples --resume --junit-xml $(RESULTS)/junit.xml --json $(RESULTS)/report.json \
	    --csv $(RESULTS)/scores.csv --evidence $(RESULTS)/evidence; code=$$?; \
	  echo "The samples hold right, wrong, faked and hostile answers on purpose. Reports: $(RESULTS)/"; \
	  test $$code -le 2
	@exec $(BIN)/grader serve --results $(RESULTS)/report.json --evidence $(RESULTS)/evidence

test: packages-test packages-vm $(VENV)/test lint ## run every test (about half an hour)
	@$(BIN)/grader images build
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-here test-beside

test-here: # this machine's control groups, and what needs none
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -p no:cacheprovider $(ONCE_MORE) --durations=25 tests
	$(BIN)/coverage combine -q && $(BIN)/coverage report --skip-covered --show-missing
	$(BIN)/grader verify --reruns 1

test-beside: # the other version's, meanwhile: an emulated machine uses one processor
	@mkdir -p $(RESULTS)
	@echo "An emulated machine with cgroup v2 is tested beside; what it prints comes last, and into $(RESULTS)/cgroup2.log"
	@$(MAKE) --no-print-directory test-cgroup2 > $(RESULTS)/cgroup2.log 2>&1; code=$$?; \
	  cat $(RESULTS)/cgroup2.log; exit $$code

test-quick: packages-test $(VENV)/test lint ## run the tests that take under three minutes together
	@$(BIN)/grader images build
	$(BIN)/pytest -m "not slow and not cgroup2 and not engine" --numprocesses=2 --dist=worksteal tests

test-cgroup2: packages-test packages-vm $(VENV)/test ## run the sandbox tests in an emulated machine with cgroup v2
	@$(BIN)/grader images build
	$(CGROUP2_RUN)

lint: $(VENV)/test ## check style, types and the direction of imports
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

translations: $(VENV)/test ## collect the sentences of the pages, and bring the catalogues of every language up to date
	$(BIN)/pybabel -q extract .
	@test -z "$(wildcard web/translations/*/LC_MESSAGES/*.po)" || $(BIN)/pybabel -q update
	@test -z "$(wildcard web/translations/*/LC_MESSAGES/*.po)" || $(BIN)/pybabel -q compile

bench: packages-test $(VENV)/test ## measure, against a Docker Engine that the benchmark starts itself
	@$(BIN)/grader images build
	$(BIN)/python -m bench --json $(RESULTS)/bench.json

docs: $(VENV)/docs ## build the documentation into docs/_build
	$(BIN)/sphinx-build -W -q docs docs/_build

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { echo "type: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/run: pyproject.toml | $(VENV)/python
	@echo "Installing the grader into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable . && touch $@

$(VENV)/test: pyproject.toml | $(VENV)/python
	@echo "Installing the grader and its development tools into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,docs]' && touch $@ $(VENV)/run

$(VENV)/docs: $(VENV)/test
	@touch $@

packages-run: PACKAGES := $(RUN_PACKAGES)
packages-test: PACKAGES := $(TEST_PACKAGES)
packages-vm: PACKAGES := $(VM_PACKAGES)
packages-run packages-test packages-vm: # Debian packages that are missing; what is installed is noted for `make clean`
	@missing=$$(for name in $(PACKAGES); do \
	    dpkg-query --show --showformat='$${db:Status-Status}' $$name 2>/dev/null | grep -qx installed || echo $$name; done); \
	test -z "$$missing" || { \
	  test "$$(id -u)" = 0 || { echo "Missing: $$missing. Type: sudo apt-get install" $$missing; exit 1; }; \
	  echo "Installing Debian packages:" $$missing; \
	  before=$$(mktemp) && dpkg-query --show --showformat='$${Package}\n' | sort > $$before; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $$missing >/dev/null; \
	  mkdir -p $(STATE); \
	  dpkg-query --show --showformat='$${Package}\n' | sort | comm -13 $$before - >> $(STATE)/installed-packages; rm $$before; }

clean: ## remove everything that the other commands made, installed packages included
	@test ! -x $(BIN)/grader || $(BIN)/grader reap || true
	@test ! -s $(STATE)/installed-packages || \
	  DEBIAN_FRONTEND=noninteractive apt-get purge -qq --yes $$(cat $(STATE)/installed-packages) >/dev/null
	@rm -rf $(STATE) $(RUN) /run/grader /dev/shm/grader /run/grader-ids $(VENV) $(RESULTS) docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@for group in /sys/fs/cgroup/grader /sys/fs/cgroup/*/grader; do test ! -d $$group || rmdir $$group; done
	@echo "Everything is as it was."
