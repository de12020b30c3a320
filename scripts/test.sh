#!/usr/bin/env bash
# Every test that passes in minutes: units, properties, vectors, ports, integration, pages, contracts. Two at a time.
# Trials of whole networks are commands of their own: make network-rehearsal, over stand-ins; make network-test, over real nodes.
set -eu
say() { printf '\n── %s\n' "$*"; }
began=$(date +%s)
say "core and verify, which must be covered to the last branch"
.venv/bin/python -m pytest -n 2 --dist=worksteal --cov --cov-report= tests/unit tests/properties tests/vectors
.venv/bin/coverage report --include='api/greenlane/core/*,api/greenlane/verify/*' --fail-under=100
say "everything on top of them"
.venv/bin/python -m pytest -n 2 --dist=worksteal -m "not rehearsal and not network" \
  --ignore=tests/unit --ignore=tests/properties --ignore=tests/vectors
say "contracts in their own runners"
scripts/contracts/test.sh
printf '\n✔ all tests passed in %d s\n' "$(( $(date +%s) - began ))"
