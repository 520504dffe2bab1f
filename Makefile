# `make demo` and `make test` need Python 3.11+, git and make, and nothing else.
PYTHON ?= python3
PY := .venv/bin/python
# compiled once: else each process of the tests compiles the whole program, in three times its time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint schemas pictures bench places simulate sdk-fixtures lock clean

demo: .venv/ready
	$(PY) -m scanner demo --output-dir demo --markdown demo/report.md
	@echo; echo "demo/excessive_permissions.json:"; cat demo/excessive_permissions.json; echo
	@# on a terminal the program has said what is next
	@[ -t 1 ] || { echo; echo "Next: open demo/report.html (to search and filter) or demo/report.md, then read the story of a finding:"; \
	  echo "  $(PY) -m scanner explain $$(sed -n '/"unused"/s/.*"id": *"\([0-9a-f]*\)".*/\1/p' demo/report.json)" \
	  "--report demo/report.json"; }

test: .venv/ready-test lint
	$(PY) -m pytest -n 3 --dist worksteal --ignore tests/browser  # two cores: some tests wait for answers

lint: .venv/ready-test
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports

# what follows from the code: the JSON schemas, and tables of docs/
schemas: .venv/ready-test
	$(PY) -m scripts.generate_schemas
	$(PY) -m scripts.generate_docs

# the pictures of the README, of real output; needs Chromium
pictures: .venv/ready-test
	$(PY) -m scripts.make_pictures

bench: .venv/ready-test
	$(PY) -m bench

# how many findings of a corpus of templates have their line, none, or a wrong one
places: .venv/ready-test
	$(PY) -m tests.placing

# thousands of workloads with hidden needs: fails where a confirmed finding is wrong
simulate: .venv/ready-test
	$(PY) -m tests.simulate --workloads 5000 --calls 20000
	$(PY) -m tests.simulate.nights --days 365 --seeds 3

# the traces of tests/data/sdks, made anew by the SDKs that applications use; needs Node 20 or newer and npm
SDKS := adot otel xray
sdk-fixtures: .venv/ready-test
	for sdk in $(SDKS); do \
	  $(PY) -m venv .venv/sdks/$$sdk && .venv/sdks/$$sdk/bin/python -m pip install -q --disable-pip-version-check \
	    --require-hashes -r tests/sdks/requirements-$$sdk.txt || exit 1; \
	done
	cd tests/sdks/node && npm ci --silent
	$(PY) -m tests.sdks

# the hashed requirements: no download address in them (see CONTRIBUTING.md)
lock: .venv/ready-test
	$(PY) -m pip install -q uv
	$(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements.txt
	$(PY) -m uv pip compile pyproject.toml --extra test --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-test.txt
	$(PY) -m uv pip compile requirements-docs.in --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-docs.txt
	$(PY) -m uv pip compile requirements-ci.in --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-ci.txt
	$(PY) -m uv pip compile requirements-release.in --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-release.txt
	for sdk in $(SDKS); do \
	  $(PY) -m uv pip compile tests/sdks/requirements-$$sdk.in --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header -q -o tests/sdks/requirements-$$sdk.txt || exit 1; \
	done

clean:
	rm -rf .venv demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/ready: requirements.txt | .venv/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/ready-test: requirements-test.txt | .venv/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-test.txt
	@touch $@ .venv/ready
