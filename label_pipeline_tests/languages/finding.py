"""BM25 over one language's documents: where the document stands that answers a question."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from label_pipeline.core.retrieval import bm25_matrices, top_documents
from label_pipeline.core.text import Field, QueryTerms, Vocabulary

FOLDER = Path(__file__).parent / "parallel"
LANGUAGES = {
    "en": "English", "de": "German", "ru": "Russian", "el": "Greek", "ar": "Arabic", "he": "Hebrew", "hi": "Hindi",
    "th": "Thai", "zh": "Chinese", "ja": "Japanese", "ko": "Korean",
}  # fmt: skip
DEPTH = 10


class Answered(NamedTuple):
    """MRR@10 of a language's questions under one tokeniser, and how many of them share no word with any document."""

    mrr: float
    nothing_found: int
    questions: int


def parallel(language: str) -> tuple[list[str], list[str]]:
    """Documents and their questions."""
    lines = (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return [document for document, _ in rows], [question for _, question in rows]


def answered(documents: Sequence[str], questions: Sequence[str], version: int) -> Answered:
    """Question i is answered by document i; a document without any of its words is not found."""
    vocabulary = Vocabulary(version)
    held, asked = vocabulary.encode(documents), vocabulary.encode(questions)
    n_terms = len(vocabulary.terms)
    top = top_documents(*bm25_matrices(Field.of(held, n_terms), QueryTerms.of(asked, n_terms)), DEPTH)
    places = [
        [int(document) for document, score in zip(*row, strict=True) if score > 0]
        for row in zip(top.document, top.score, strict=True)
    ]
    reciprocal = [1 / (found.index(i) + 1) if i in found else 0 for i, found in enumerate(places)]
    return Answered(sum(reciprocal) / len(questions), sum(not found for found in places), len(questions))
