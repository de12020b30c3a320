#!/usr/bin/env bash
# Installs the locked npm packages: Solidity compiler, OpenZeppelin, forge and anvil, and what the pages bundle. No install script of theirs is run.
set -eu
stop() { printf 'setup: %s\n' "$*" >&2; exit 2; }
command -v npm >/dev/null 2>&1 || stop "npm (Node.js 18 or newer) is needed and was not found. Install it (Debian: apt-get install nodejs npm) and run make again."
printf '── installing the local chain and the Solidity tools into node_modules\n'
# Not `npm ci`: it refuses a lock that lacks the chain's and forge's builds for other systems than the one it was written on. This keeps to
# the lock all the same, and never writes it.
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error || stop "The locked npm packages could not be installed. Check the network and run make again."
