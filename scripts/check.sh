#!/usr/bin/env bash
# What must hold of the code before its tests are worth running.
set -eu
say() { printf '── %s\n' "$*"; }
say "format"; .venv/bin/ruff format --check --quiet . || { echo "check: run 'make format' and look at what it changed" >&2; exit 1; }
say "lint"; .venv/bin/ruff check --quiet .
say "types"; .venv/bin/mypy --no-error-summary
say "floors of the house"; .venv/bin/lint-imports 2>&1 | tail -n 20
say "the HTTP interface is the one that is written down"; .venv/bin/python scripts/openapi.py --check
printf '✔ everything checked\n'
