#!/usr/bin/env python3
"""Runs targets until their coverage stops growing: fuzz/until_still.py TARGET... [--round 180] [--at-most 3600] [--found DIR]

A target runs in rounds; a round that reaches no edge which the corpus had not reached before it ends the target: it is still. A
finding ends it too, and the input is named. What is found new is kept in DIR/TARGET, from which a later run goes on; the kept
corpus is read only. One line a round, one a target; status 1 when a target had a finding, 3 when one was still growing at the end.
Without the address sanitizer a round does several times as many runs; the code holds no `unsafe`, so nothing is lost by it.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

FUZZ = pathlib.Path(__file__).resolve().parent
EDGES = re.compile(rb"^#\d+\s+(\w+)\s+cov: (\d+) ft: (\d+)", re.M)
RUNS = re.compile(rb"stat::number_of_executed_units: (\d+)")


def dictionary(target):
    """The dictionary whose first line names the target."""
    for path in sorted(FUZZ.glob("dictionaries/*.dict")):
        if target in path.read_text().splitlines()[0].split():
            return [f"-dict={path}"]
    return []


def round_of(target, binary, found, seconds):
    """One round: (status, edges at its start, edges at its end, runs, output)."""
    run = subprocess.run(
        [binary, found, FUZZ / "corpus" / target, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048",
         f"-artifact_prefix={found.parent}/{target}-", "-print_final_stats=1", *dictionary(target)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    lines = EDGES.findall(run.stderr)
    start = next((int(edges) for kind, edges, _ in lines if kind == b"INITED"), 0)
    end = max((int(edges) for _, edges, _ in lines), default=0)
    runs = RUNS.search(run.stderr)
    return run.returncode, start, end, int(runs[1]) if runs else 0, run.stderr


def until_still(target, binary, found, seconds, at_most):
    """What became of the target: "still", "growing" or "finding"."""
    found.mkdir(parents=True, exist_ok=True)
    began, total = time.monotonic(), 0
    while True:
        status, start, end, runs, output = round_of(target, binary, found, seconds)
        total += runs
        spent = time.monotonic() - began
        print(f"  {target}: {start} -> {end} edges, {runs} runs", flush=True)
        if status != 0:
            sys.stderr.buffer.write(output[-4000:])
            verdict = "finding"
        elif end == start:
            verdict = "still"
        elif spent + seconds > at_most:
            verdict = "growing"
        else:
            continue
        print(f"{verdict:8} {target}: {end} edges, {total} runs in {spent:.0f} s", flush=True)
        return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    parser.add_argument("--round", type=int, default=180, metavar="SECONDS")
    parser.add_argument("--at-most", type=int, default=3600, metavar="SECONDS", help="for one target")
    parser.add_argument("--found", type=pathlib.Path, default=pathlib.Path("/tmp/found"), metavar="DIR")
    asked = parser.parse_args()
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    subprocess.run(["cargo", "fuzz", "build", "--sanitizer", "none"], cwd=FUZZ.parent, env=environment, check=True)
    host = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.M)[1]
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target")) / host / "release"
    verdicts = [until_still(t, built / t, asked.found / t, asked.round, asked.at_most) for t in asked.targets]
    sys.exit(1 if "finding" in verdicts else 3 if "growing" in verdicts else 0)


if __name__ == "__main__":
    main()
