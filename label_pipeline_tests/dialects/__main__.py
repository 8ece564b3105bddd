"""`make endpoints`: writes docs/endpoints.md from the files of behaviours."""

import sys
from pathlib import Path

from label_pipeline.rehearsal.behaviours import behaviours
from label_pipeline_tests.dialects.page import page

PAGE = Path(__file__).parents[2] / "docs" / "endpoints.md"


def main() -> int:
    """Writes the page; returns the exit code."""
    PAGE.write_text(page(behaviours()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
