#!/usr/bin/env python3
"""Runs targets until their coverage stops growing.

    fuzz/until_still.py TARGET... [--round 180] [--at-most 3600] [--jobs 1] [--no-compares] [--found DIR]

A target runs in rounds; a round that reaches no edge of this project's code which the corpus had not reached before it ends the
target: it is still. Edges of what others wrote and was compiled in are counted and do not matter: a hash table with a seed of its
own reaches one more by chance for ever. A finding ends the target too, and the
input is named. What is found new is kept in DIR/TARGET, from which a later run goes on, and which is merged to the inputs that
add something before the first round; the kept corpus is read only. One line a round, one a target; status 1 when a target had a
finding, 3 when one was still growing at the end.
Without the address sanitizer a round does several times as many runs; the code holds no `unsafe`, so nothing is lost by it.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

FUZZ = pathlib.Path(__file__).resolve().parent
EDGES = re.compile(rb"^#\d+\s+(\w+)\s+cov: (\d+) ft: (\d+)", re.M)
NEW = re.compile(rb"^\s*NEW_PC: 0x([0-9a-f]+)", re.M)
LOADED = re.compile(rb"^INFO: Loaded 1 modules .* \[0x([0-9a-f]+),", re.M)
RUNS = re.compile(rb"stat::number_of_executed_units: (\d+)")


def dictionary(target):
    """The dictionary whose first line names the target."""
    for path in sorted(FUZZ.glob("dictionaries/*.dict")):
        if target in path.read_text().splitlines()[0].split():
            return [f"-dict={path}"]
    return []


def merged(binary, found):
    """Leaves in `found` the inputs that add coverage or features, the smaller ones first, and nothing else."""
    lean = found.with_name(found.name + ".lean")
    shutil.rmtree(lean, ignore_errors=True)
    lean.mkdir()
    merge = [binary, "-merge=1", "-timeout=20", "-rss_limit_mb=2048", lean, found]
    done = subprocess.run(merge, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        shutil.rmtree(found)
        lean.rename(found)


def own(binary, output):
    """How many of the edges that the run was first to reach stand in this project's source."""
    sections = subprocess.check_output(["readelf", "-SW", binary])
    counters = int(re.search(rb"sancov_cntrs\s+PROGBITS\s+([0-9a-f]+)", sections)[1], 16)
    moved = int(LOADED.search(output)[1], 16) - counters
    reached = [f"{int(pc, 16) - moved - 1:#x}" for pc in NEW.findall(output)]
    if not reached:
        return 0
    asked = ["addr2line", "-a", "-f", "-C", "-i", "-e", binary, *reached]
    lines = subprocess.check_output(asked, text=True).splitlines()
    # Behind each address stand function and place of what is innermost there. Where a function begins the place is often unknown.
    innermost = [found for address, *found in zip(lines, lines[1:], lines[2:]) if address.startswith("0x")]
    return sum(is_own(function, place) for function, place in innermost)


def is_own(function, place):
    """By its place, or else by its function; what has neither counts too."""
    if place.startswith("/"):
        return place.startswith(f"{FUZZ.parent}/")
    return "oxwire" in function or function == "??"


def round_of(target, binary, found, seconds):
    """One round: (status, edges at its start, edges at its end, those of them that are new and ours, runs, output)."""
    run = subprocess.run(
        [binary, found, FUZZ / "corpus" / target, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048",
         f"-artifact_prefix={found.parent}/{target}-", "-print_final_stats=1", "-print_pcs=1",
         *dictionary(target)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    lines = EDGES.findall(run.stderr)
    start = next((int(edges) for kind, edges, _ in lines if kind == b"INITED"), 0)
    end = max((int(edges) for _, edges, _ in lines), default=0)
    runs = RUNS.search(run.stderr)
    ours = own(binary, run.stderr) if start else 0
    return run.returncode, start, end, ours, int(runs[1]) if runs else 0, run.stderr


def until_still(target, binary, found, seconds, at_most):
    """What became of the target: "still", "growing" or "finding"."""
    found.mkdir(parents=True, exist_ok=True)
    merged(binary, found)
    began, total = time.monotonic(), 0
    while True:
        status, start, end, ours, runs, output = round_of(target, binary, found, seconds)
        total += runs
        spent = time.monotonic() - began
        print(f"  {target}: {start} -> {end} edges, {ours} new ones ours, {runs} runs", flush=True)
        if status != 0:
            sys.stderr.buffer.write(output[-4000:])
            verdict = "finding"
        elif ours == 0:
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
    parser.add_argument("--found", type=pathlib.Path, default=FUZZ / "found", metavar="DIR")
    parser.add_argument("--no-compares", action="store_true", help="twice as fast where constants of the input do not matter")
    parser.add_argument("--jobs", type=int, default=1, metavar="TARGETS", help="at a time")
    asked = parser.parse_args()
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    build = ["cargo", "fuzz", "build", "--sanitizer", "none", *(["--no-trace-compares"] if asked.no_compares else [])]
    for target in asked.targets:
        subprocess.run([*build, target], cwd=FUZZ.parent, env=environment, check=True)
    host = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.M)[1]
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target")) / host / "release"
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as jobs:
        run = lambda target: until_still(target, built / target, asked.found / target, asked.round, asked.at_most)
        verdicts = list(jobs.map(run, asked.targets))
    sys.exit(1 if "finding" in verdicts else 3 if "growing" in verdicts else 0)


if __name__ == "__main__":
    main()
