"""`make bench`: every benchmark, one after another, each beside a peer, a naive way or the floor. Nothing is asserted."""

import argparse
import subprocess
import sys
import time

_PARTS = {
    "event_hash": "event hash against the package and the floor",
    "store": "the store against bulk insertion",
    "capture": "captures over HTTP against bulk insertion",
    "log": "publish, proof and verify at growing log sizes",
    "documents": "adding and reading documents against a plain copy with SHA-256",
    "anchoring": "gas for each event, and the time to anchored",
    "assets": "gas of green assets, the supply recounted, a purchase checked among 100,000",
}


def main() -> int:
    """Runs the parts; the worst exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *_PARTS], help="only these (default: all)")
    chosen = parser.parse_args().parts or list(_PARTS)
    worst = 0
    for part in chosen:
        print(f"\n══ {part}: {_PARTS[part]}", flush=True)
        began = time.monotonic()
        worst = max(worst, subprocess.run([sys.executable, "-m", f"scripts.bench.{part}"], check=False).returncode)
        print(f"   took {time.monotonic() - began:.0f} s", flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
