# SPDX-License-Identifier: MIT
"""SDXL U-Net step against U-Net step: bench and a peer in turn, ABBA, on the same cores.

    python compare.py --bench ../../build/bench --peer "python pytorch_peer.py" --pairs 7

The peer compiles once and waits; while one side runs the other sleeps. Each bench step is a process
of its own that loads its weights first; only the step is counted on both sides. Prints each pair, then
the median of the ratios peer/bench with its exact (binomial) confidence interval.
"""
import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys


def start(command):
    peer = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)
    for line in peer.stdout:
        if line.strip() == "ready":
            return peer
    sys.exit("compare.py: the peer ended before it was ready")


def peer_step(peer):
    peer.stdin.write("step\n")
    peer.stdin.flush()
    line = peer.stdout.readline()
    if not line:
        sys.exit("compare.py: the peer died")
    return float(line)


def bench_step(command):
    out = subprocess.run(shlex.split(command), capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"compare.py: bench exited with {out.returncode}: {out.stderr.strip()}")
    run = json.loads(out.stdout)["runs"][0]
    return run["stages"][0]["step_s"]["median"]


def interval(values, confidence=.95):
    """Order statistics [k, n+1-k] whose coverage of the median is at least `confidence`."""
    v, n = sorted(values), len(values)
    best = None
    for k in range(1, n // 2 + 1):
        coverage = 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2 ** n
        if coverage >= confidence:
            best = (v[k - 1], v[n - k], coverage)
    return best or (v[0], v[-1], 1 - 2 / 2 ** n)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--bench", default="build/bench")
    p.add_argument("--run", default="run sdxl-unet --set batch=2 --samples 1 --warmup 0 --json --quiet --no-db")
    p.add_argument("--peer", required=True)
    p.add_argument("--pairs", type=int, default=7)
    p.add_argument("--wait", action="store_true",
                   help="when the peer is ready, wait for a line on stdin before measuring")
    a = p.parse_args()
    ours = f"{a.bench} {a.run}"

    peer = start(a.peer)
    if a.wait:
        print("ready", flush=True)
        input()
    ratios = []
    for i in range(a.pairs):
        if i % 2:
            theirs, mine = peer_step(peer), bench_step(ours)
        else:
            mine, theirs = bench_step(ours), peer_step(peer)
        ratios.append(theirs / mine)
        print(f"pair {i + 1}: bench {mine:.3f} s, peer {theirs:.3f} s, peer/bench {ratios[-1]:.4f}",
              flush=True)
    peer.stdin.close()
    lo, hi, coverage = interval(ratios)
    print(f"median peer/bench {statistics.median(ratios):.4f} "
          f"[{lo:.4f}, {hi:.4f}] at {100 * coverage:.1f} %, n = {a.pairs}")


main()
