#!/usr/bin/env python3
"""Which requirement rows have a test.

A table here (`ms-oxcmapihttp.tsv`) holds the numbers that Microsoft's interoperability test suites give the statements of one
specification: id, section, who it binds, its kind, and for a normative row without a test the reason. No text of a
specification is kept here.

A test names its row in one of two ways; anything else does not count:

    #[test] fn r1205_a_request_not_fully_sent_goes_out_again()      several: r1205_r1206_...
    "R1205" in a table's case                                       several: "R1205 R1206"

Rows of another document carry its name: `fn oxcrops_r27_...`, "MS-OXCROPS_R27".

Prints what is covered, what is not and why, and ids that no table knows. Ends 1 when a normative row has neither a test nor a
reason, when an id is unknown, or when a function bears a row's name without being a test.
"""

import argparse
import csv
import pathlib
import re
import sys
from collections import Counter, defaultdict

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEFAULT = "MS-OXCMAPIHTTP"

FUNCTION = re.compile(r"\bfn ((?:ox[a-z]+_)?r\d+(?:_r\d+)*)_\w+\s*\(")
LITERAL = re.compile(r'"((?:MS-[A-Z]+_)?R\d+(?:[ ,]+(?:MS-[A-Z]+_)?R\d+)*)"')
ATTRIBUTE = re.compile(r"\s*(#\[|//|\)\]$)")


def tables():
    found = {}
    for path in sorted(HERE.glob("*.tsv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        found[path.stem.upper()] = {row["id"]: row for row in rows}
    return found


def is_test(lines, at):
    """Whether the attributes over line `at` hold `#[test]`."""
    for line in reversed(lines[max(0, at - 12) : at + 1]):
        if "#[test]" in line:
            return True
        if line is not lines[at] and not ATTRIBUTE.match(line):
            return False
    return False


def named_in(path):
    """(document, id, line number, whether it counts) for each row that a source file names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines):
        for match in FUNCTION.finditer(line):
            head = match.group(1)
            document = DEFAULT
            if not head.startswith("r"):
                name, head = head.split("_", 1)
                document = f"MS-{name.upper()}"
            for row in head.split("_"):
                yield document, f"R{int(row[1:])}", at + 1, is_test(lines, at)
        for match in LITERAL.finditer(line.split("//", 1)[0]):
            for row in re.split(r"[ ,]+", match.group(1)):
                document, _, number = row.rpartition("_")
                yield document or DEFAULT, f"R{int(number[1:])}", at + 1, True


def section_key(section):
    return [int(part) if part.isdigit() else 0 for part in section.split(".")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="every row with its tests or its reason")
    options = parser.parse_args()

    known = tables()
    tests = defaultdict(list)
    failures = []
    other = Counter()
    for folder in ("crates", "tests"):
        for path in sorted((ROOT / folder).rglob("*.rs")):
            if "target" in path.parts:
                continue
            for document, row, line, counts in named_in(path):
                place = f"{path.relative_to(ROOT)}:{line}"
                if document not in known:
                    other[document] += 1
                elif row not in known[document]:
                    failures.append(f"unknown    {document} {row} at {place}")
                elif not counts:
                    failures.append(f"not a test {document} {row} at {place}")
                else:
                    tests[document, row].append(place)

    for document, rows in known.items():
        sections = defaultdict(Counter)
        reasons = Counter()
        for row, entry in sorted(rows.items(), key=lambda item: (section_key(item[1]["section"]), int(item[0][1:]))):
            places = tests[document, row]
            if places:
                state = "covered"
            elif entry["kind"] != "normative":
                state = entry["kind"]
            elif entry["reason"]:
                state = "reason"
                reasons[entry["reason"]] += 1
            else:
                state = "UNCOVERED"
                failures.append(f"uncovered  {document} {row} ({entry['section']}, {entry['scope']})")
            sections[".".join(entry["section"].split(".")[:3])][state] += 1
            if options.list:
                print(f"{row}\t{entry['section']}\t{state}\t{' '.join(places) or entry['reason']}")
        states = ["covered", "UNCOVERED", "reason", "non-testable", "informative"]
        print(f"{document}\n  {'section':10}" + "".join(f"{state:>14}" for state in states))
        total = Counter()
        for section in sorted(sections, key=section_key):
            counts = sections[section]
            total += counts
            print(f"  {section:10}" + "".join(f"{counts[state]:>14}" for state in states))
        print(f"  {'all':10}" + "".join(f"{total[state]:>14}" for state in states))
        for reason, count in reasons.most_common():
            print(f"  {count:4} normative without a test: {reason}")
    for document, count in sorted(other.items()):
        print(f"{document}: {count} places name its rows; no table of it is kept here")

    for failure in failures:
        print(failure)
    print(f"requirements: {len(failures)} to mend")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
