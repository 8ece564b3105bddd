import os
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.errors import InputError
from label_pipeline.rehearsal import make_app, recorded_models, running_provider
from label_pipeline.rehearsal.recorded import RecordedCounts, read_recorded
from label_pipeline_tests.rehearsal.asking import KEY, fields, get, prompt, send, stats_url

DATA = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
TREC = DATA / "trecdl" / "dl1920_text_human_llm.parquet"
COLUMNS = {"gpt": "g", "llama": "l"}


def _write(folder: Path, rows: list[tuple[str | None, str | None, int | None, int | None]]) -> Path:
    path = folder / "recorded.parquet"
    pl.DataFrame(rows, schema={"q": pl.String, "p": pl.String, "g": pl.Int8, "l": pl.Int8}, orient="row").write_parquet(
        path
    )
    return path


def test_the_recorded_grade_comes_back_for_exactly_these_texts(tmp_path: Path) -> None:
    path = _write(tmp_path, [("who pays", " The bank.\n", 3, 0), ("who pays", "Nobody", None, 7)])
    with running_provider(make_app(recorded_models(path, "q", "p", COLUMNS), api_key=KEY)) as base_url:
        hit, other, null, wide, miss = send(
            base_url,
            fields("gpt", prompt("who pays", "The bank."), logprobs=True, top_logprobs=5),
            fields("llama", prompt("who pays", "The bank.")),
            fields("gpt", prompt(" who pays", "Nobody  \n")),
            fields("llama", prompt("who pays", "Nobody")),
            fields("gpt", prompt("who pays", "The bank")),
        )
        stats = get(stats_url(base_url)).json
    assert hit.dig("choices", 0, "message", "content") == '{"rationale": "Recorded grade.", "grade": 3}'
    assert hit.dig("choices", 0, "logprobs") is None
    assert hit.dig("model") == "gpt"
    assert str(other.dig("choices", 0, "message", "content")).endswith('"grade": 0}')
    assert null.dig("choices", 0, "message", "content") is None
    assert "No grade" in str(null.dig("choices", 0, "message", "refusal"))
    assert str(wide.dig("choices", 0, "message", "content")).endswith('"grade": 7}')  # out of scale: as recorded
    assert (miss.status, miss.error()["code"]) == (400, "pair_not_recorded")
    assert "no grade of 'gpt'" in miss.error()["message"]
    assert stats["statuses"] == {"200": 4, "400": 1}


def test_a_text_is_found_in_the_form_the_prompt_shows_it(tmp_path: Path) -> None:
    # Mojibake in the file (a C1 control character), which prompts leave out.
    path = _write(tmp_path, [("who pays", "The bank\x80 pays", 3, 0)])
    with running_provider(make_app(recorded_models(path, "q", "p", COLUMNS), api_key=KEY)) as base_url:
        raw, shown, other = send(
            base_url,
            *[
                fields("gpt", prompt("who pays", text))
                for text in ("The bank\x80 pays", "The bank pays", "the bank pays")
            ],
        )
    assert [raw.status, shown.status, other.status] == [200, 200, 400]


CONFLICT: list[tuple[str | None, str | None, int | None, int | None]] = [
    ("q", "p", 2, 1),
    ("q ", "p", 3, 1),
    ("q", "null or not", None, 1),
    ("q", "null or not", 1, 1),
    ("q", "twice the same", 1, 1),
    ("q", "twice the same", 1, 1),
]


def test_conflicting_grades_are_refused_at_load_with_counts(tmp_path: Path) -> None:
    path = _write(tmp_path, CONFLICT)
    with pytest.raises(InputError, match=r"gpt: 2 text pairs.*first or exclude"):
        recorded_models(path, "q", "p", COLUMNS)
    (llama,) = recorded_models(path, "q", "p", {"llama": "l"})
    assert llama.conflicts == 0


def test_repeated_texts_are_counted_and_those_any_model_grades_in_two_ways(tmp_path: Path) -> None:
    rows = [*CONFLICT, ("q", "by one model only", 1, 1), ("q", "by one model only", 1, 2), ("q", "once", 0, 0)]
    models, counts = read_recorded(_write(tmp_path, rows), "q", "p", COLUMNS, conflicts="first")
    assert counts == RecordedCounts(rows=9, text_pairs=5, repeated=4, conflicting=3)
    assert [model.conflicts for model in models] == [2, 1]
    with running_provider(make_app(models, api_key=KEY, about={"recorded": counts._asdict()})) as base_url:
        assert get(stats_url(base_url)).dig("about", "recorded", "conflicting") == 3


def test_first_plays_back_the_first_row_and_exclude_answers_400(tmp_path: Path) -> None:
    path = _write(tmp_path, CONFLICT)
    bodies = [fields("gpt", prompt("q", passage)) for passage in ("p", "null or not", "twice the same")]
    first, exclude = (recorded_models(path, "q", "p", COLUMNS, conflicts=how) for how in ("first", "exclude"))
    assert [model.conflicts for model in (*first, *exclude)] == [2, 0, 2, 0]
    with running_provider(make_app(first, api_key=KEY)) as base_url:
        two, null, one = send(base_url, *bodies)
    assert str(two.dig("choices", 0, "message", "content")).endswith('"grade": 2}')
    assert null.dig("choices", 0, "message", "refusal")
    assert str(one.dig("choices", 0, "message", "content")).endswith('"grade": 1}')
    with running_provider(make_app(exclude, api_key=KEY)) as base_url:
        replies = send(base_url, *bodies)
    assert [reply.status for reply in replies] == [400, 400, 200]
    assert replies[0].error()["code"] == "pair_ambiguous"
    assert "two or more different grades" in replies[0].error()["message"]


def test_unusable_files_are_input_errors(tmp_path: Path) -> None:
    path = _write(tmp_path, [("q", "p", 1, 1)])
    with pytest.raises(InputError, match=r"no column x; it has q, p, g, l"):
        recorded_models(path, "q", "p", {"gpt": "x"})
    with pytest.raises(InputError, match=r"is String and not whole numbers"):
        recorded_models(path, "q", "p", {"gpt": "p"})
    with pytest.raises(InputError, match=r"1 rows without query or passage"):
        recorded_models(_write(tmp_path, [("q", None, 1, 1)]), "q", "p", COLUMNS)
    with pytest.raises(InputError, match=r"cannot read recorded grades"):
        recorded_models(tmp_path / "absent.parquet", "q", "p", COLUMNS)
    (tmp_path / "not.parquet").write_text("q,p,g")
    with pytest.raises(InputError, match=r"expected a Parquet file"):
        recorded_models(tmp_path / "not.parquet", "q", "p", COLUMNS)


@pytest.mark.real
@pytest.mark.skipif(not TREC.exists(), reason="LABEL_PIPELINE_TEST_DATA holds no trecdl/dl1920_text_human_llm.parquet")
def test_trec_deep_learning_grades_come_back_as_recorded() -> None:
    names = {"gpt-4o": "llm__gpt4o_umbrela", "llama-3.2": "llm__llama3_2_umbrela"}
    rows = pl.read_parquet(TREC).sample(100, seed=3)
    bodies, expected = [], []
    for name, column in names.items():
        for query, passage, grade in rows.select("query", "passage", column).iter_rows():
            bodies.append(fields(name, prompt(query, passage)))
            expected.append(grade)
    with running_provider(make_app(recorded_models(TREC, "query", "passage", names), api_key=KEY)) as base_url:
        replies = send(base_url, *bodies)
    assert [str(reply.dig("choices", 0, "message", "content")).rsplit(" ", 1)[1] for reply in replies] == [
        f"{grade}}}" for grade in expected
    ]


@pytest.mark.real
@pytest.mark.skipif(not TREC.exists(), reason="LABEL_PIPELINE_TEST_DATA holds no trecdl/dl1920_text_human_llm.parquet")
def test_the_one_conflict_in_the_trec_file_is_found() -> None:
    seven = {"70b": "llm__llama3_70b_4prompts"}
    with pytest.raises(InputError, match="70b: 1 text pairs"):
        recorded_models(TREC, "query", "passage", seven)
    assert recorded_models(TREC, "query", "passage", seven, conflicts="exclude")[0].conflicts == 1
