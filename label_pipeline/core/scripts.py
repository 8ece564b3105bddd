"""What the tokeniser must know of scripts: marks, writing without spaces, and what writers of a script may leave out.

Data and character classes for regular expressions. Keep out: cutting text into words (words.py). Sources: Unicode
Standard Annexes 14 (class SA: scripts whose words only a dictionary can tell apart) and 29 (word boundaries).
"""

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0xAA80, 0xAADF),  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    (0x3005, 0x3007), (0x3021, 0x3029), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),  # Han
    (0x3041, 0x30FF), (0x31F0, 0x31FF),  # Hiragana, Katakana
    (0x3105, 0x312F), (0x31A0, 0x31BF), (0xA000, 0xA48C),  # Bopomofo, Yi
    (0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7FB),  # Hangul
)  # fmt: skip
"""Blocks whose letters are cut into pairs. Hangul has spaces, but particles stand at the noun without one."""

_LATER_HAN = "\U00020000-\U0003ffff"

STACKERS = "\u1039\u17d2"
"""Myanmar's and Khmer's signs that put the next consonant under this one."""

_MAY_BE_ABSENT = (
    (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5), (0x05C7, 0x05C7),  # Hebrew points, accents
    (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x0652), (0x0656, 0x065F), (0x0670, 0x0670),  # Arabic vowels, tatweel
    (0x06D6, 0x06DC), (0x06DF, 0x06E4), (0x06E7, 0x06E8), (0x06EA, 0x06ED),  # signs of Koran editions
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x200D, 0x200F), (0x202A, 0x202E), (0x2060, 0x2069), (0xFEFF, 0xFEFF),
    (0xFE00, 0xFE0F), (0xE0100, 0xE01EF),  # soft hyphen, joiners, directions; which drawing of a sign
)  # fmt: skip

OPTIONAL_HERE = (
    "[\u0300\u0301\u0307\u200c\"'\u05f3\u05f4](?:"
    "(?<=[\u0400-\u04ff][\u0300\u0301])"  # the stress that dictionaries put on a Cyrillic vowel
    "|(?<=i\u0307)"  # what is left of a Turkish capital I with dot
    "|(?<=[\u0900-\u0dff]\u200c)"  # in Indic scripts the non-joiner is a matter of drawing; in Persian it parts words
    "|(?<=[\u05d0-\u05ea][\"'\u05f3\u05f4])(?=[\u05d0-\u05ea])"  # inside a Hebrew abbreviation
    ")"
)
"""What says nothing where it stands, as a regular expression over case-folded text."""


@cache
def marks() -> str:
    """Every combining mark, as the inside of a character class: vowel signs, tones, accents that have no letter."""
    return _class(lambda sign: unicodedata.category(sign)[0] == "M")


@cache
def unspaced() -> str:
    """Letters and marks of scripts that are cut into pairs, as the inside of a character class."""
    blocks = chain.from_iterable(range(first, last + 1) for first, last in _WITHOUT_SPACES)
    return _ranges(code for code in blocks if unicodedata.category(chr(code))[0] in "LM" or code in _HAN_NUMBERS)


_HAN_NUMBERS = (0x3007, *range(0x3021, 0x302A))
"""Zero and the Suzhou numerals are written among Han characters and are letters there."""


@cache
def spelling() -> dict[int, str | None]:
    """For ``str.translate`` of case-folded text: one spelling where writers of a script have two.

    Points of Hebrew and Arabic, Greek accents (capitals have none) and the dots of Russian `ё` are left out by many
    writers, so that a word would not meet itself; Turkish `ı` becomes `i`, for without knowing the language `I` may be
    either. Decimal digits of any script become 0-9. Accents of Latin letters stay: `schön` is not `schon`.
    """
    table: dict[int, str | None] = dict.fromkeys(
        chain.from_iterable(range(first, last + 1) for first, last in _MAY_BE_ABSENT)
    )
    for code in chain(range(0x0370, 0x0400), range(0x1F00, 0x2000)):
        plain = unicodedata.normalize("NFD", chr(code))[0]
        if plain != chr(code) and unicodedata.category(chr(code)) == "Ll":
            table[code] = plain
    for code in _coded(lambda sign: unicodedata.category(sign) == "Nd"):
        table[code] = str(unicodedata.decimal(chr(code)))
    return table | {0x0451: "\u0435", 0x0131: "i", 0x066B: ".", 0x066C: ","}


@cache
def respelled() -> str:
    """What ``spelling`` changes, as the inside of a character class."""
    return _ranges(sorted(spelling()))


def _class(wanted: Callable[[str], bool]) -> str:
    return _ranges(_coded(wanted))


def _coded(wanted: Callable[[str], bool]) -> Iterable[int]:
    """Code points of the basic plane, and of the scripts beyond it that people write today."""
    return (code for code in chain(range(0x80, 0x10000), *_BEYOND) if wanted(chr(code)))


_BEYOND = (range(0x10D00, 0x10D40), range(0x11100, 0x11150), range(0x1E900, 0x1E960))
"""Rohingya, Chakma, Adlam. A range beyond the basic plane costs a comparison a character, so the dead ones are out."""


def _ranges(codes: Iterable[int]) -> str:
    """Code points as ranges of a character class."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)
