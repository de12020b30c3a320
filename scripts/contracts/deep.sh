#!/bin/sh
# The same fuzz and invariants as test.sh, with many more and longer runs: minutes, not seconds.
set -eu
cd "$(dirname "$0")"
FOUNDRY_PROFILE=deep exec ./forge.sh test
