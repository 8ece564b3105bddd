import polars as pl
import pytest

from label_pipeline.stages.seed.orders import RETRIEVED
from label_pipeline.stages.seed.pool import PAIRS
from label_pipeline.stages.seed.unfound import (
    FIRST,
    NO_WORD,
    NOT_NAMED,
    UNKNOWN_ID,
    WITHHELD,
    causes,
    without_words,
    wordless,
)
from label_pipeline_tests.stages.rank import world

DOCUMENTS = {"d1": "reset the VPN password", "d2": "用户可以重置密码", "d3": "größere Straße"}


def bare(*queries: str, documents: dict[str, str] = DOCUMENTS, first: int = FIRST) -> list[str]:
    asked = pl.DataFrame({"query": queries})
    return without_words(asked, world.documents(documents, title={"d1": "Handbook"}), first)["query"].to_list()


def test_a_query_is_bare_when_no_document_holds_any_of_its_words() -> None:
    assert bare("the elephants", "elephants", "vpn", "HANDBOOK", "重置", "大象", "STRASSE") == ["elephants", "大象"]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_documents_behind_the_first_ones_are_sifted_and_none_is_missed(first: int) -> None:
    last = DOCUMENTS | {"d4": "“PASSWORDS” – of C++, page 4.5…"}
    wanted = ("password", "c++", "4.5", "重置", "strasse", "passwords", "c#", "pass", "page")
    assert bare(*wanted, documents=last, first=first) == ["c#", "pass"]  # `pass` stands inside a word only


def test_nothing_to_look_for_or_in() -> None:
    assert bare() == []
    assert bare("?!", "vpn", documents={"d9": "x"}) == ["?!", "vpn"]
    assert bare("大象", first=0) == ["大象"]  # no word in ASCII to sift by
    assert bare("vpn", documents={"d9": "VPN"}, first=0) == []


def test_a_fifth_of_such_queries_is_said_and_more_is_a_warning() -> None:
    documents = world.documents(DOCUMENTS)
    texts = {f"q{n}": "vpn" for n in range(8)} | {"q8": "大象", "q9": "elephants"}
    assert wordless(world.queries({"q0": "vpn"}), documents) is None
    told = wordless(world.queries(texts), documents)
    assert told == ("2 of 10 queries (20%) have no word that occurs in a document: 大象; elephants", False)
    told = wordless(world.queries(texts | {"q7": "lions"}), documents)
    assert told is not None
    assert told.many
    assert told.sentence.startswith(
        "3 of 10 queries (30%) have no word that occurs in a document: lions; 大象; elephants."
    )


def test_each_query_without_a_pair_has_its_own_cause() -> None:
    drawn = world.queries(
        {"paired": "vpn", "words": "elephants", "secret": "salary", "ids": "password", "silent": "reset"}
    )
    documents = world.documents({"d1": "reset the vpn password", "d2": "salary elephants"}, boundary={"d2": "customer"})
    key = {"task": "relevance", "collection": "main"}
    retrieved = pl.DataFrame(
        [
            {"order": "live", **key, "query_id": query, "doc_id": document, "rank": 1}
            for query, document in (("paired", "d1"), ("secret", "d2"), ("secret", "gone"), ("ids", "D1"))
        ],
        schema=RETRIEVED,
    )
    pairs = pl.DataFrame([{**key, "query_id": "paired", "doc_id": "d1"}], schema=PAIRS)
    assert causes(drawn, retrieved, documents, pairs) == {NO_WORD: 1, UNKNOWN_ID: 1, WITHHELD: 1, NOT_NAMED: 1}
    everything = pl.DataFrame([{**key, "query_id": one} for one in drawn["query_id"]], schema=PAIRS)
    assert causes(drawn, retrieved, documents, everything) == {}
