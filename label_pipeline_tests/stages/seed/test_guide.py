"""The guide people grade by: all the judge is told, readable as Markdown whatever the rubric's words are."""

from html.parser import HTMLParser

from label_pipeline.core.rubric import GradeDefinition, Rubric
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.guide import guide

RUBRIC = Rubric(
    "search", "3", "Grade the *document*.\nNot | the query.", Scale(0, 1),
    (
        GradeDefinition(0, "no", "off | topic\n\n# not a heading", ("a <b>tag</b>",)),
        GradeDefinition(1, "yes", "`answers`", ()),
    ),
    ("[links](x) are text",),
)  # fmt: skip


def test_it_says_everything_the_judge_is_told() -> None:
    page = guide(RUBRIC)
    for words in ("Version 3", RUBRIC.version_hash, "a whole number from 0 to 1", "cannot judge", "Edge cases"):
        assert words in page
    plain = page.replace("\\", "").replace("&lt;", "<").replace("&gt;", ">")
    for text in (*(f"{g.title} | " for g in RUBRIC.grades), *RUBRIC.edge_cases, *RUBRIC.grades[0].examples):
        assert text in plain


def test_words_of_the_rubric_are_no_markup() -> None:
    page = guide(RUBRIC)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 3
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows), "a bar in a definition adds no column"
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Grading guide: search", "### Examples of 0 = no", "## Edge cases", "## How to work",
    ]  # fmt: skip
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]  # a parser's way
    parser.feed(page)
    assert tags == []
