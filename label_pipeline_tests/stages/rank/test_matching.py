import numpy as np
import pytest

from label_pipeline.core.text import Field, QueryTerms, Vocabulary
from label_pipeline.stages.rank.matching import match

TEXTS = [
    "the red fox saw the dog",  # 6 words
    "a fox",  # 2
    "fox red red cat",  # 4
    "",
]


def matched(query: str, texts: list[str] = TEXTS, chunk_tokens: int = 1000) -> dict[str, np.ndarray]:
    """Features of ``query`` against every text."""
    vocabulary = Vocabulary()
    tokens, asked = vocabulary.encode(texts), vocabulary.encode([query])
    n_terms = len(vocabulary.terms)
    document, same = np.arange(len(texts)), np.zeros(len(texts), dtype=np.int64)
    return dict(match(Field.of(tokens, n_terms), QueryTerms.of(asked, n_terms), document, same, chunk_tokens))


def test_bm25_is_the_formula_with_k1_09_and_b_04() -> None:
    # N 4, average length 3; "red" in 2 texts: idf ln(1 + 2.5/2.5) = ln 2; "fox" in 3: ln(1 + 1.5/3.5) = ln(10/7)
    red, fox = np.log(2), np.log(10 / 7)
    expected = [
        (red + fox) * 1.9 / (1 + 0.9 * (0.6 + 0.4 * 2)),  # length 6
        fox * 1.9 / (1 + 0.9 * (0.6 + 0.4 * 2 / 3)),
        red * 2 * 1.9 / (2 + 0.9 * (0.6 + 0.4 * 4 / 3)) + fox * 1.9 / (1 + 0.9 * (0.6 + 0.4 * 4 / 3)),
        0,
    ]
    found = matched("red fox red")  # a repeated query word counts once
    assert found["bm25"] == pytest.approx(expected)
    assert found["bm25_share"] == pytest.approx(np.array(expected) / ((red + fox) * 1.9))
    assert found["coverage"] == pytest.approx([1, 0.5, 1, 0])
    assert found["idf_coverage"] == pytest.approx([1, fox / (red + fox), 1, 0])
    assert found["rarest_found"] == pytest.approx([1, fox / red, 1, 0])
    assert found["density"][:3] == pytest.approx([2 / 6, 1 / 2, 3 / 4])


@pytest.mark.parametrize(
    ("query", "name", "expected"),
    [
        ("red fox", "bigrams", [1, 0, 0, 0]),  # "fox red" is another bigram
        ("the red fox", "bigrams", [1, 0, 0, 0]),
        ("the fox", "bigrams", [0, 0, 0, 0]),  # a word between them
        ("fox red cat", "bigrams", [0, 0, 1, 0]),  # fox red red cat: both adjacent pairs occur ...
        ("fox red cat", "phrase", [0, 0, 0, 0]),  # ... but never as one phrase
        ("fox", "bigrams", [np.nan] * 4),  # one word has no bigram
        ("red fox", "phrase", [1, 0, 0, 0]),
        ("fox", "phrase", [1, 1, 1, 0]),
        ("fox dog", "phrase", [0, 0, 0, 0]),
        ("dog fox", "proximity", [1 / 3, 0, 0, 0]),  # fox . . dog: 4 words hold both
        ("cat fox red", "proximity", [1, 0, 2 / 3, 0]),  # fox red red cat: 4 words hold three; "red fox": 2 hold two
        ("fox", "first_match", [1 / 3, 1 / 2, 1, 0]),  # 1 / (1 + position)
    ],
)
def test_word_order(query: str, name: str, expected: list[float]) -> None:
    assert matched(query)[name] == pytest.approx(expected, nan_ok=True)


def test_the_smallest_window_is_the_one_found_by_trying_them_all() -> None:
    rng = np.random.default_rng(8)
    texts = [" ".join(rng.choice(list("abcxyz"), size=rng.integers(0, 12))) for _ in range(200)]

    def by_force(text: str) -> float:
        words = text.split()
        held = set(words) & set("abc")
        if len(held) < 2:
            return 0
        n = len(words)
        sizes = [j - i for i in range(n) for j in range(i + 1, n + 1) if held <= set(words[i:j])]
        return (len(held) - 1) / (min(sizes) - 1)

    assert matched("a b c", texts)["proximity"] == pytest.approx([by_force(text) for text in texts])


def test_a_window_never_reaches_into_another_document() -> None:
    assert matched("a b", ["x x x x x a", "b x x x x a"])["proximity"] == pytest.approx([0, 1 / 5])


def test_chunks_change_nothing() -> None:
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(list("abcdefgh"), size=rng.integers(0, 30))) for _ in range(50)]
    whole, cut = matched("a b c a", texts), matched("a b c a", texts, chunk_tokens=7)
    for name in whole:
        assert cut[name] == pytest.approx(whole[name], nan_ok=True), name


def test_a_query_without_words_matches_nothing() -> None:
    found = matched("?!")
    assert found["bm25"].tolist() == [0, 0, 0, 0]
    assert np.isnan(found["coverage"]).all()
