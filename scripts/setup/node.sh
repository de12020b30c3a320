#!/usr/bin/env bash
# Installs the locked npm packages: Solidity compiler, OpenZeppelin, forge and anvil. No install script of theirs is run.
set -eu
stop() { printf 'setup: %s\n' "$*" >&2; exit 2; }
command -v npm >/dev/null 2>&1 || stop "npm (Node.js 18 or newer) is needed and was not found. Install it (Debian: apt-get install nodejs npm) and run make again."
printf '── installing the local chain and the Solidity tools into node_modules\n'
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || stop "The locked npm packages could not be installed. Check the network and run make again."
