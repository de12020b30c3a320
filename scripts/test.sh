#!/usr/bin/env bash
# Every test that passes in minutes: units, properties, vectors, ports, integration, pages, contracts.
# Trials of whole networks are commands of their own: make network-rehearsal, over stand-ins; make network-test, over real nodes.
set -euo pipefail
say() { printf '\n── %s\n' "$*"; }
began=$(date +%s)
say "core and verify, which must be covered to the last branch"
.venv/bin/python -m pytest -n 2 --dist=worksteal --cov --cov-report= tests/unit tests/properties tests/vectors
.venv/bin/coverage report --include='api/greenlane/core/*,api/greenlane/verify/*' --fail-under=100
say "everything on top of them, and the contracts in their own runners beside it"
told=$(mktemp)
# A group of its own, so that all of it ends with us.
set -m
scripts/contracts/test.sh < /dev/null > "$told" 2>&1 &
contracts=$!
set +m
trap '[ -z "$contracts" ] || kill -- "-$contracts" 2> /dev/null || true; rm -f "$told"' EXIT
code=0
# Three at a time on two cores: a third of the time goes by in waiting for blocks, processes and clocks.
.venv/bin/python -m pytest -n 3 --dist=worksteal -m "not rehearsal and not network and not slow" \
  --ignore=tests/unit --ignore=tests/properties --ignore=tests/vectors || code=$?
wait "$contracts" || code=$?
contracts=
say "what the contracts' own runners told"
cat "$told"
if [ "$code" -ne 0 ]; then
  printf '\n✘ not all tests passed\n'
  exit 1
fi
printf '\n✔ all tests passed in %d s\n' "$(( $(date +%s) - began ))"
