#!/bin/sh
# The contracts' own suites: fuzz and invariants, gas against the committed figures, unit tests by ape.
# What is plain pytest under tests/contracts runs with every other test.
set -eu
cd "$(dirname "$0")"
./forge.sh test
FOUNDRY_PROFILE=gas ./forge.sh test
./unit.sh -q
