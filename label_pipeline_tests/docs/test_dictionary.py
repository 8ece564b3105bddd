"""docs/tables.md is what core/catalogue/ says today."""

from label_pipeline.core.catalogue import TABLES
from label_pipeline_tests.docs.dictionary import PAGE, page


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m label_pipeline_tests.docs.dictionary`"


def test_it_has_every_table_and_every_column() -> None:
    text = page()
    for table in TABLES.values():
        section = text.split(f"## {table.name}\n")[1].split("\n## ")[0]
        assert table.grain in section
        for column in table.columns:
            assert f"| `{column.name}` |" in section


def test_what_a_stage_may_not_see_is_said() -> None:
    text = page()
    assert "No stage before `rank` can read it." in text.split("## evaluation\n")[1].split("\n## ")[0]
    assert "hidden from `calibrate`." in text.split("## gold\n")[1].split("\n## ")[0]
    assert "hidden" not in text.split("## labels\n")[1].split("\n## ")[0]
