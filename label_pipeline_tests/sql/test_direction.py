"""The SQL obeys the arrow of the Python: a file of a stage reads tables of that stage or an earlier one."""

import pytest

from label_pipeline.adapters import queries
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.tables import STAGE_ORDER
from label_pipeline_tests.sql.test_headers import tables_read

QUESTIONS = [name for name in queries.names() if not name.startswith(("checks/", "views/"))]


def later_tables(folder: str, text: str) -> set[str]:
    limit = STAGE_ORDER.index(folder)
    return {table for table in tables_read(text) if STAGE_ORDER.index(TABLES[table].stage) > limit}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_reads_no_table_of_a_later_stage(name: str) -> None:
    assert later_tables(name.split("/")[0], queries.load(name).statement) == set()


def test_a_gate_that_reads_labels_is_caught() -> None:
    text = "with open_ones as (select v.verdict_id from verdicts as v) select l.status from labels as l, open_ones"
    assert later_tables("gate", text) == {"labels"}
    assert later_tables("amplify", text) == set()
