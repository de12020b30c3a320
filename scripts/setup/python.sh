#!/usr/bin/env bash
# Installs the locked Python packages: all of them into .venv, and the base install alone, as a buyer has it, into .build/stranger.
set -eu
stop() { printf 'setup: %s\n' "$*" >&2; exit 2; }

python=""
for name in python3.11 python3.12 python3; do
  if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
    python=$name
    break
  fi
done
[ -n "$python" ] || stop "Python 3.11 or 3.12 is needed and was not found. Install it (Debian: apt-get install python3 python3-venv) and run make again."
uv=$(scripts/setup/uv.sh "$python")
case "${1:-all}" in
  all)
    printf '── installing the locked Python packages into .venv (a minute at the first time)\n'
    "$uv" sync --locked --quiet --python "$python" --all-extras --all-groups || stop "The locked packages could not be installed. Check the network, and that uv.lock fits pyproject.toml, and run make again."
    ;;
  stranger)
    printf '── installing what a buyer has, the base install alone, into .build/stranger\n'
    UV_PROJECT_ENVIRONMENT=.build/stranger "$uv" sync --locked --quiet --python "$python" --no-default-groups --no-editable --reinstall-package greenlane ||
      stop "The base install failed. Check the network and run make again."
    ;;
esac
