"""Runs the checks of every `checks_*.py`. Each prints PASS or FAIL; the last line counts them; the status is 1 when one failed."""

import argparse
import contextlib
import importlib
import pathlib
import sys
import tempfile
import time
import traceback

from world import CHECKS, World


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--oxprobe", required=True, type=pathlib.Path)
    parser.add_argument("names", nargs="*", help="checks whose name starts so")
    options = parser.parse_args()
    for module in sorted(pathlib.Path(__file__).parent.glob("checks_*.py")):
        importlib.import_module(module.stem)
    checks = [c for c in CHECKS if not options.names or c.__name__.startswith(tuple(options.names))]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        world = World(options.oxprobe.resolve(), pathlib.Path(directory), stack)
        for one in checks:
            start = time.monotonic()
            try:
                one(world)
            except Exception as error:  # a check that fails in any way is a check that fails
                failed += 1
                print(f"FAIL {one.__name__}: {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc(limit=-3, file=sys.stdout)
            else:
                passed += 1
                print(f"PASS {one.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
