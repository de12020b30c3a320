#!/usr/bin/env bash
# Every test that passes in minutes: units, properties, vectors, ports, integration, pages, contracts.
set -eu
say() { printf '\n── %s\n' "$*"; }
began=$(date +%s)
say "tests (core and verify must be covered to the last branch)"
.venv/bin/python -m pytest --cov --cov-report= "$@"
.venv/bin/coverage report --include='api/greenlane/core/*,api/greenlane/verify/*' --fail-under=100
say "contracts"
scripts/contracts/test.sh
printf '\n✔ all tests passed in %d s\n' "$(( $(date +%s) - began ))"
