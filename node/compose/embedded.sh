#!/bin/sh
# Runs the embedded chain and the server of one container; when it is told to stop, the chain is stopped so that its state is whole.
set -eu
greenlane-node embedded up
greenlane serve &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true' TERM INT
status=0
# The signal ends the first wait; the second one waits for the server itself.
wait "$server" || status=$?
wait "$server" 2>/dev/null || true
greenlane-node embedded down
[ "$status" -eq 143 ] && status=0
exit "$status"
