#!/usr/bin/env bash
# What must hold of the code before its tests are worth running.
set -euo pipefail
say() { printf '── %s\n' "$*"; }
stop() { printf 'check: %s\n' "$*" >&2; exit 1; }
uv=$(scripts/setup/uv.sh .venv/bin/python)
say "locked versions"; "$uv" lock --check --quiet || stop "pyproject.toml and uv.lock differ: run 'uv lock' and commit both"
say "format"; .venv/bin/ruff format --check --quiet . || stop "run 'make format' and look at what it changed"
say "lint"; .venv/bin/ruff check --quiet .
say "types"; .venv/bin/mypy --no-error-summary
say "floors of the house"; told=$(.venv/bin/lint-imports 2>&1) || { printf '%s\n' "$told" >&2; stop "an import goes where it may not"; }
say "the contracts' package data is what their sources compile to"
.venv/bin/python scripts/contracts/compile.py --check || stop "run 'make contracts' and commit what it writes"
say "what the pages bundle is what their sources make"
.venv/bin/python scripts/pages/bundle.py --check || stop "run '.venv/bin/python scripts/pages/bundle.py' and commit what it writes"
say "the fonts of certificates are those of their package"
.venv/bin/python scripts/pages/fonts.py --check || stop "run '.venv/bin/python scripts/pages/fonts.py' and commit what it writes"
say "the HTTP interface is the one that is written down"; .venv/bin/python scripts/openapi.py --check
printf '✔ everything checked\n'
