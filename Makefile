# The short ways in. Everything else is in .venv/bin/lso --help.
.PHONY: help setup demo test test-vm lint types unit integration e2e coverage bench docs lock clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup:  ## packages, daemons, virtual environment, images
	@./setup.sh

demo: setup  ## order a two-site SD-WAN and prove it on the wire
	@.venv/bin/lso run scenarios/poc-two-sites

test: setup  ## every test layer
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo
	.venv/bin/mypy
	.venv/bin/pytest --numprocesses=auto tests

test-vm: setup  ## the PoC scenario with the other half of every engine, in a user-mode-Linux VM
	@testbed/vm/run.sh

lint: setup  ## the rules of the code: ruff, its format, imports that run one way
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo

types: setup
	.venv/bin/mypy

unit integration e2e: setup
	.venv/bin/pytest --numprocesses=auto tests/$@

coverage: setup  ## what the unit tests run of the code; not less than the floor in pyproject.toml
	.venv/bin/pytest --cov --numprocesses=auto tests/unit

bench: setup  ## the figures of the README, measured here
	.venv/bin/python -m benchmarks

docs: setup  ## the documentation as a site, in site/
	.venv/bin/zensical build --strict

lock: setup  ## constraints.txt anew, from the ranges of pyproject.toml
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --extra matrix --strip-extras --no-annotate --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml --output-file constraints.txt

clean:  ## remove what dead labs left behind
	.venv/bin/lso reap
