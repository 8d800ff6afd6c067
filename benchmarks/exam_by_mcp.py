"""Sends the whole exam (tests/exam) through the tools of `lakatos serve --mcp`.

    python benchmarks/exam_by_mcp.py [--workers N]

Prints each submission that is judged wrongly, then how many were judged; exit code 1 for any fault.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from lakatos.tests.exam_doors import exam_faults, read_cases
from lakatos.tests.mcp_door import stdio_door


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="1")
    workers = parser.parse_args().workers
    cases, faults = [*read_cases().values()], []
    with (
        tempfile.TemporaryDirectory() as folder,
        stdio_door(Path(folder), "--workers", workers) as door,
    ):
        for number, case in enumerate(cases, 1):
            found = exam_faults([case], door.judge)
            faults += found
            for line in found:
                print(line, flush=True)
            if number % 50 == 0:
                print(f"{number} of {len(cases)}", file=sys.stderr, flush=True)
    attacks = sum(not case.is_honest for case in cases)
    print(f"{len(cases)} submissions, {attacks} attacks, {len(faults)} judged wrongly")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
