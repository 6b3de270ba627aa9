# The only entry point, for people and for CI alike: every target may be the first command on a fresh machine.
# What a target needs it brings itself, says so beforehand, and does not bring twice.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENGINE ?= auto
SUITE ?= quick
CLAIMS ?=
BUDGET ?=
SEED ?=
FAST ?=
PYTEST ?=

bin := .venv/bin
RUN_OPTIONS = $(if $(CLAIMS),--claims $(CLAIMS)) $(if $(BUDGET),--budget $(BUDGET)) $(if $(SEED),--seed $(SEED))

.PHONY: help python setup browser bench build test check validate nightly report gate selfbench clean lock

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12
	@echo 'Variables: ENGINE=auto|docker|local SUITE=quick CLAIMS=a,b BUDGET=10m SEED=1, for bench and what is like it; FAST=1 for validate; PYTEST="-k word" for test'

python:
	@harness/bootstrap

setup: python ## everything that measuring needs: Python packages, a Docker daemon, the base image; else local toolchains
	@$(bin)/memverdict setup --engine $(ENGINE)

browser: setup
	@tests/browser/provide

bench: python ## measure a suite, judge the claims, write the page
	@$(bin)/memverdict run --suite $(SUITE) --engine $(ENGINE) $(RUN_OPTIONS)

build: python ## the images (or programs) of a suite; what is unchanged builds nothing
	@$(bin)/memverdict build --suite $(SUITE) --engine $(ENGINE)

test: browser ## all tests but the nightly ones
	@$(bin)/pytest -m 'not nightly' $(PYTEST)

nightly: browser ## all tests
	@$(bin)/pytest $(PYTEST)

check: setup ## formatters, linters and types: of Python here, of the programs in containers
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/python -m tests.lint

validate: python ## inject known memory, CPU, pauses, allocations and effects, and see that they are read back
	@$(bin)/memverdict validate --engine $(ENGINE) $(if $(FAST),--fast)

report: python ## the page of the latest run, written again
	@$(bin)/memverdict report

gate: python ## compare exact allocations with the committed baseline
	@$(bin)/memverdict gate --against-baseline --engine $(ENGINE)

selfbench: python ## what measuring itself costs: instruments on and off, time outside the workloads, records to page
	@$(bin)/memverdict selfbench --engine $(ENGINE)

clean: python ## remove our containers, our images and what was built; measured runs stay
	@$(bin)/memverdict clean

lock: python ## resolve pyproject.toml anew into requirements.lock
	@.ci/lock
