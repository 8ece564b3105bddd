import zlib

import numpy as np

from label_pipeline.rehearsal.recognition import SourceIndex, SourceMatch
from label_pipeline.rehearsal.words import shingles, words

SOURCES = [
    "the falcon run starts on monday",
    "the falcon run starts on monday and ends on friday evening",
    "parking in the garage is free on weekends",
]
INDEX = SourceIndex([words(text) for text in SOURCES])


def test_shingles_are_distinct_sorted_and_the_same_in_every_process() -> None:
    found = shingles(["a", "b", "c", "a", "b", "c"])  # abc, bca, cab
    assert found.size == 3
    assert (np.diff(found.astype(object)) > 0).all()
    # The same in Python's own integers: crc32 of each word, mixed modulo 2^64.
    first, second, third = (zlib.crc32(letter.encode()) for letter in "abc")
    expected = ((first * 0x9E3779B97F4A7C15 + second) * 0xC2B2AE3D27D4EB4F + third) % 2**64
    assert shingles(["a", "b", "c"]).tolist() == [expected]


def test_the_source_with_most_shared_shingles_wins() -> None:
    assert INDEX.best(words("PARKING in the garage is free!")) == SourceMatch(2, 4 / 6)
    assert INDEX.best(words(SOURCES[1])) == SourceMatch(1, 1.0)


def test_a_tie_goes_to_the_nearest_word_count() -> None:
    # The short source's four shingles are all in the long one too: same count for both.
    assert INDEX.best(words(SOURCES[0])) == SourceMatch(0, 1.0)
    longer = words(SOURCES[0]) + words("one two three four five six")
    assert INDEX.best(longer) == SourceMatch(1, 4 / 9)


def test_nothing_shared_is_no_match() -> None:
    assert INDEX.best(words("completely other words stand here")) is None
    assert INDEX.best(words("the falcon")) is None
    assert INDEX.best([]) is None


def test_padding_tells_a_short_query_from_a_longer_one() -> None:
    index = SourceIndex([["owl"], ["owl", "fee"]], padded=True)
    assert index.best(["owl"]) == SourceMatch(0, 1.0)
    assert index.best(["owl", "fee"]) == SourceMatch(1, 1.0)
