"""Text to words, in any script: the tokenisers by version, and the one that is trained with from now on.

A ranker is scored with the version it was trained with, so an old one stays as it is. Keep out: what is counted of the
words (text.py), a query's identity (query_text.py), what is known of scripts (scripts.py).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import add
from types import MappingProxyType
from typing import Final, NamedTuple

from label_pipeline.core.errors import TableError
from label_pipeline.core.scripts import OPTIONAL_HERE, STACKERS, marks, respelled, spelling, unspaced

TOKENISER: Final = 2
"""The version of new rankers, of retrieval and of checks; those trained before there were versions have 1."""

Tokeniser = Callable[[str], list[str]]


def tokenise(text: str, version: int = TOKENISER) -> list[str]:
    """The words of ``text``, in order.

    Args:
        text: in any script.
        version: 1 or 2.

    Raises:
        TableError: there is no such version.
    """
    return tokeniser(version)(text)


def tokeniser(version: int) -> Tokeniser:
    """The tokeniser of that version.

    Raises:
        TableError: there is no such version.
    """
    if version not in TOKENISERS:
        raise TableError(
            f"tokeniser {version} is unknown, this program has {sorted(TOKENISERS)}; a ranker trained by a later "
            "version of it must be scored by that version, or trained again"
        )
    return TOKENISERS[version]


_RUN: Final = re.compile(r"\w+")


def letters_and_digits(text: str) -> list[str]:
    """Version 1: lower-case runs of letters, digits and underscore.

    It cuts at every vowel sign, so that a Hindi word falls to pieces, and finds no word in Chinese, Japanese or Thai.
    """
    return _RUN.findall(unicodedata.normalize("NFKC", text).lower())


def words_of_any_script(text: str) -> list[str]:
    """Version 2: what a reader of the script would look up; no stemming, no stop list.

    * A word keeps its marks; spellings that differ only in what a script may leave out are one (scripts.py).
    * Where words stand without spaces, and in Hangul, every two neighbouring letters are a word (Nie and Ren 1999 for
      Chinese, Lee and Ahn 1996 for Korean); a letter alone is one, so that a query of one letter finds only such.
    * Signs that carry meaning stay: `c++`, `c#`, `4.5`, `10,000` (UAX 29, rules 11 and 12); `.net` is `.net` and `net`,
      for `.pdf` and `pdf` are the same thing.

    English in ASCII has the words of version 1, but for these signs.
    """
    every = None if text.isascii() else _every_script()
    text = text.lower() if every is None else _one_spelling(text, every)
    patterns = _ASCII if every is None else every.patterns
    signed = patterns.sign.search(text) is not None  # one text of ten; without signs it takes half the time
    words: list[str] = (patterns.signed if signed else patterns.plain).findall(text)
    if every is not None and every.unspaced.search(text):
        pieces = (piece for word in words for piece in every.unspaced.split(word) if piece)
        words = [part for piece in pieces for part in _pairs(piece, every)]
    if signed and patterns.dotted.search(text):
        return [part for word in words for part in ((word, word[1:]) if word[0] == "." else (word,))]
    return words


TOKENISERS: Final[Mapping[int, Tokeniser]] = MappingProxyType({1: letters_and_digits, 2: words_of_any_script})


def _pairs(piece: str, every: "_EveryScript") -> Iterator[str] | tuple[str, ...]:
    """Pairs of neighbouring letters of a run without spaces; any other piece as it is."""
    if every.unspaced.match(piece) is None:
        return (piece,)
    letters = every.letter.findall(piece)
    return map(add, letters, letters[1:]) if len(letters) > 1 else (piece,)


def _one_spelling(text: str, every: "_EveryScript") -> str:
    """Compatibility forms, case and optional signs folded; the second NFKC joins what case folding took apart."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if every.respelled.search(folded):
        folded = folded.translate(spelling())
    return every.optional.sub("", folded) if every.optional.search(folded) else folded


class _Patterns(NamedTuple):
    """``plain`` words; words with their signs; whether there is a ``sign`` at all; or a word that begins with a dot."""

    plain: re.Pattern[str]
    signed: re.Pattern[str]
    sign: re.Pattern[str]
    dotted: re.Pattern[str]


def _patterns(run: str, letter: str, alone: str, unspaced_letter: str = "") -> _Patterns:
    """Patterns of words.

    Args:
        run: expression of a plain word.
        letter: class of a letter.
        alone: expression of where a word does not go on.
        unspaced_letter: inside of the class of letters that a sign may stand beside as if there were a space.
    """
    inside = r"[.,](?=[0-9])(?<=[0-9].)"
    after = rf"[+#](?<={letter}.)(?:(?<=\+)\+|{alone})"
    apart = rf"""(?<![^\s("'\[/,{unspaced_letter}]\.)"""
    before = rf"\.(?={letter}){apart}"
    return _Patterns(
        re.compile(run),
        re.compile(rf"(?:{run}|{before}{run})(?:{inside}{run})*(?:{after})?"),
        re.compile(rf"[.,+#](?:(?=[0-9])(?<=[0-9][.,])|(?<=\.)(?={letter}){apart}|(?<={letter}[+#]))"),
        re.compile(before),
    )


_ASCII: Final = _patterns("[a-z0-9_]+", "[a-z]", "(?![a-z0-9_])")


class _EveryScript(NamedTuple):
    """What text beyond ASCII is cut with; made once, when the first such text is met."""

    patterns: _Patterns
    unspaced: re.Pattern[str]
    letter: re.Pattern[str]
    respelled: re.Pattern[str]
    optional: re.Pattern[str]


@cache
def _every_script() -> _EveryScript:
    return _EveryScript(
        _patterns(
            rf"\w+(?:[{marks()}]+\w*)*",  # not one class of both: beside a category, ranges are tried one by one
            r"[^\W\d_]",
            rf"(?:(?!\w)|(?=[{unspaced()}]))",
            unspaced(),
        ),
        re.compile(rf"([{unspaced()}]+)"),
        re.compile(rf"[^{marks()}][{marks()}]*(?:(?<=[{STACKERS}])[^{marks()}][{marks()}]*)*"),
        re.compile(f"[{respelled()}]"),
        re.compile(OPTIONAL_HERE),
    )
