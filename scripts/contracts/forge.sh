#!/bin/sh
# Runs forge from npm for this platform, or the one on PATH. Not npm's shim in front of it, which starts slower and keeps signals.
set -eu
cd "$(dirname "$0")/../.."
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-amd64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  Darwin-x86_64) platform=darwin-amd64 ;;
  Darwin-arm64) platform=darwin-arm64 ;;
  *) platform=none ;;
esac
own="node_modules/@foundry-rs/forge-$platform/bin/forge"
if [ -x "$own" ]; then exec "$own" "$@"; fi
if command -v forge > /dev/null; then exec forge "$@"; fi
echo "There is no forge here. Run \`make setup\`, or put forge on PATH." >&2
exit 3
