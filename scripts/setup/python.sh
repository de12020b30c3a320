#!/usr/bin/env bash
# Installs the locked Python packages into .venv; needs Python 3.11 or 3.12, and installs uv beside it where uv is missing.
set -eu
uv_version=0.13.9
say() { printf '── %s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 2; }

python=""
for name in python3.11 python3.12 python3; do
  if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
    python=$name
    break
  fi
done
[ -n "$python" ] || stop "Python 3.11 or 3.12 is needed and was not found. Install it (Debian: apt-get install python3 python3-venv) and run make again."

if command -v uv >/dev/null 2>&1; then
  uv=uv
else
  uv=.build/uv/bin/uv
  if [ ! -x "$uv" ]; then
    say "installing uv, the package installer, into .build/"
    "$python" -m venv .build/uv 2>/dev/null || stop "Python's venv module is missing. Install it (Debian: apt-get install python3-venv) and run make again."
    .build/uv/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version" || stop "uv could not be installed. Check the network and run make again."
  fi
fi
say "installing the locked Python packages into .venv (a minute at the first time)"
"$uv" sync --frozen --quiet --python "$python" --all-extras --all-groups || stop "The locked packages could not be installed. Check the network and run make again."
