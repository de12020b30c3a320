#!/usr/bin/env bash
# Prints the path of uv, the package installer; installs a fixed version of it into .build/ where there is none.
# Needs Python 3.11 or 3.12, whose name it expects as its argument.
set -eu
uv_version=0.13.9
if command -v uv >/dev/null 2>&1; then
  command -v uv
  exit 0
fi
if [ ! -x .build/uv/bin/uv ]; then
  printf '── installing uv, the package installer, into .build/\n' >&2
  "$1" -m venv .build/uv 2>/dev/null || {
    printf "setup: Python's venv module is missing. Install it (Debian: apt-get install python3-venv) and run make again.\n" >&2
    exit 2
  }
  .build/uv/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version" || {
    printf 'setup: uv could not be installed. Check the network and run make again.\n' >&2
    exit 2
  }
fi
printf '%s\n' "$PWD/.build/uv/bin/uv"
