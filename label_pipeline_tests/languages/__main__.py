"""`make languages`: looks up every question of every language and writes docs/languages.md."""

import sys
from pathlib import Path

from label_pipeline_tests.languages.finding import LANGUAGES, Answered, answered, parallel
from label_pipeline_tests.languages.page import page

PAGE = Path(__file__).parents[2] / "docs" / "languages.md"


def by_language() -> dict[str, tuple[Answered, Answered]]:
    """What each tokeniser finds in each language."""
    return {code: (answered(*parallel(code), 1), answered(*parallel(code), 2)) for code in LANGUAGES}


def main() -> int:
    """Writes the page; returns the exit code."""
    PAGE.write_text(page(by_language()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
