# The commands of Greenlane. `make help` lists them; each names what it lacks and how to get it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python

.PHONY: help setup check format test test-deep contracts contracts-deep demo up attacks bench chaos network-rehearsal network-test kubo-test audit

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

setup: .venv/.ready node_modules/.ready ## install everything that is locked, into this folder only

.venv/.ready: uv.lock pyproject.toml scripts/setup/python.sh
	@scripts/setup/python.sh
	@touch $@

# Anything of the base install that changes is installed again: the stranger must judge with what is here now.
.build/stranger/.ready: uv.lock pyproject.toml scripts/setup/python.sh $(shell find api/greenlane/core api/greenlane/verify api/greenlane/cli -name '*.py' 2>/dev/null)
	@scripts/setup/python.sh stranger
	@touch $@

node_modules/.ready: package-lock.json scripts/setup/node.sh
	@scripts/setup/node.sh
	@touch $@

check: setup ## format, lint, types, floors, snapshots
	@scripts/check.sh

format: setup ## write the code in the project's format
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

test: setup ## every test that passes in minutes, contracts included
	@scripts/test.sh

test-deep: setup ## every property again, over six times as many examples, and the tests that take long
	@$(PY) -m pytest -n 3 --dist=worksteal -m slow
	@$(PY) -m pytest -n 2 --dist=worksteal --hypothesis-profile=deep -m "hypothesis and not chain" tests/unit tests/properties tests/ports

contracts: setup ## compile the contracts and write ABI and bytecode as package data
	@$(PY) scripts/contracts/compile.py

contracts-deep: setup ## long fuzz and invariant runs of the contracts
	@scripts/contracts/deep.sh

demo: setup .build/stranger/.ready ## the main job, end to end, on real input, on this machine
	@$(PY) -m scripts.demo

up: setup .build/stranger/.ready ## the demo's network and server, kept running until Ctrl-C
	@$(PY) -m scripts.demo --keep

attacks: setup ## what fraudsters try with green assets, each refused by the contract itself
	@$(PY) -m scripts.attacks

bench: setup ## measure, side by side with a peer, a naive way or the hardware's floor
	@$(PY) -m scripts.bench

chaos: setup ## kill -9 server, worker and chain at random moments, 200 times, and 20 times on PostgreSQL
	@$(PY) -m scripts.chaos
	@$(PY) -m scripts.chaos --postgres --runs 20

network-rehearsal: setup ## try whole networks as network-test does, over stand-ins for besu and ipfs: nothing else is needed
	@$(PY) -m pytest -n 2 --dist=load -m rehearsal tests/integration/node/test_network_scenario.py

network-test: setup ## run whole networks of real nodes on this machine: make network-test BESU=/path/besu IPFS=/path/ipfs
	@$(PY) -m scripts.network_test $(if $(BESU),--besu $(BESU)) $(if $(IPFS),--ipfs $(IPFS))

kubo-test: setup ## try documents over three real Kubo nodes on this machine: make kubo-test IPFS=/path/ipfs
	@$(PY) -m scripts.kubo_test $(if $(IPFS),--ipfs $(IPFS))

audit: setup ## let tools that nobody here wrote walk a served log and read docker-compose.yml
	@$(PY) -m scripts.audit
