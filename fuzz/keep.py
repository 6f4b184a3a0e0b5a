#!/usr/bin/env python3
"""Keeps a small corpus of a target: fuzz/keep.py TARGET DIRECTORY...

Merges the directories into fuzz/corpus/TARGET: libFuzzer's set cover picks what adds coverage, what adds most first; of that at
most 100 files and 300 KiB stay. Files under names given by hand stay in any case.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FILES, BYTES = 100, 300 << 10
FUZZ = pathlib.Path(__file__).resolve().parent


def main():
    target, *found = sys.argv[1:]
    corpus = FUZZ / "corpus" / target
    by_hand = [path for path in corpus.iterdir() if not re.fullmatch(r"[0-9a-f]{40}", path.name)]
    with tempfile.TemporaryDirectory() as merged:
        subprocess.run(
            ["cargo", "fuzz", "run", "--sanitizer", "none", target, merged, str(corpus), *found, "--", "-set_cover_merge=1",
             "-rss_limit_mb=0"],
            cwd=FUZZ.parent,
            env={**os.environ, "RUSTC_BOOTSTRAP": "1"},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        contents = {path.read_bytes() for path in by_hand}
        count, size = len(by_hand), sum(len(data) for data in contents)
        for path in corpus.iterdir():
            if path not in by_hand:
                path.unlink()
        for path in sorted(pathlib.Path(merged).iterdir(), key=lambda path: path.stat().st_mtime_ns):
            data = path.read_bytes()
            if data in contents or count == FILES or size + len(data) > BYTES:
                continue
            shutil.copyfile(path, corpus / path.name)
            count, size = count + 1, size + len(data)
    print(f"{target}: {count} files, {size} bytes kept")


if __name__ == "__main__":
    main()
