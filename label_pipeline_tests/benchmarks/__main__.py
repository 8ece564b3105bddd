"""`make bench`: runs every comparison and writes docs/benchmarks.md."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from label_pipeline_tests.benchmarks.arithmetic import arithmetic
from label_pipeline_tests.benchmarks.bulk import bulk
from label_pipeline_tests.benchmarks.pacing import pacing
from label_pipeline_tests.benchmarks.page import page
from label_pipeline_tests.benchmarks.tables import tables

PACKAGES = ("openai", "numpy", "scipy", "krippendorff", "ir_measures")
DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Writes the page; returns the exit code."""
    console, found = Console(highlight=False), []
    with TemporaryDirectory(prefix="label-pipeline-bench-") as folder:
        for source in (bulk(Path(folder)), tables(Path(folder)), arithmetic(), pacing()):
            for one in source:
                console.print(f"{one.ratio:6.3g}  {one.question}")
                found.append(one)
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}; {versions}"
    (DOCS / "benchmarks.md").write_text(page(found, machine), encoding="utf-8")
    console.print(f"wrote {DOCS / 'benchmarks.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
