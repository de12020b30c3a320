#!/bin/sh
# Runs the contracts' unit tests on ape's in-process chain. Arguments go to pytest.
# A run of its own: ape's plugin costs seconds in every suite that loads it, and warns where ours may not.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p cache/solcx
version=$(node -p 'require("solc/package.json").version')
ln -sf ../../scripts/contracts/solc.js "cache/solcx/solc-v$version"
export SOLCX_BINARY_PATH="$PWD/cache/solcx"
export SOLCJS_NODE_MODULES="$PWD/node_modules"
export APE_DATA_FOLDER="$PWD/cache/ape"
exec "${PYTHON:-.venv/bin/python}" -m pytest -o addopts="--import-mode=importlib --strict-markers -ra" -o filterwarnings=default \
  --tb=short --no-showlocals tests/contracts/ape "$@"
