"""docs/languages.md as text. Keep out: looking for documents."""

from collections.abc import Mapping

from label_pipeline_tests.languages.finding import LANGUAGES, Answered

HEAD = """# Languages

Written by `make languages` (`python -m label_pipeline_tests.languages`); do not edit it by hand, a test compares it.
The same {n} short documents and {n} questions in every language (`label_pipeline_tests/languages/parallel/`, written
for this project) are searched by BM25 over the words of each tokeniser. **MRR@10** is the mean of 1 / the place of the
document that answers, 0 where it is not among ten. So few questions tell a broken language from a sound one, not .96
from .98.

Tokeniser 1 takes runs of letters and digits: it cuts a word at every vowel sign, and finds no word where no space
stands. Tokeniser 2 keeps marks at their word, cuts scripts without spaces and Hangul into pairs of letters, folds what
writers of a script leave out (points, Greek accents, `ё`), and keeps the signs of `c++`, `4.5` and `.net`. New rankers
are trained with tokeniser 2; a stored ranker is scored with its own. Korean under tokeniser 1 is Hangul in words as
they are written: particles stand at the noun without a space, which is why pairs were chosen.

| Language | MRR@10, tokeniser 1 | MRR@10, tokeniser 2 | Questions that find nothing, 1 | 2 |
|---|---:|---:|---:|---:|
"""


def page(found: Mapping[str, tuple[Answered, Answered]]) -> str:
    """The whole file.

    Args:
        found: language code to what the first and the second tokeniser find.
    """
    questions = next(iter(found.values()))[0].questions
    lines = [
        f"| {LANGUAGES[code]} | {old.mrr:.3f} | {new.mrr:.3f} | {old.nothing_found} | {new.nothing_found} |\n"
        for code, (old, new) in found.items()
    ]
    return HEAD.format(n=questions) + "".join(lines)
