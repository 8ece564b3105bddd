"""The user's input files: CSV, Parquet, JSON, TREC, LETOR and BEIR, read as text under our column names.

* spec.py      what a file is: where, which table it serves, which of its columns are ours
* opening.py   bytes and text, with errors that say where a file stops being readable
* packing.py   what is compressed, folders of shards, patterns
* dialect.py   format, delimiter and quotes, by ending or first line
* tabular.py   CSV, Parquet
* json_records.py  JSON and JSON lines
* nested.py    what is inside a JSON record: paths, and a list that is exploded
* trec.py      TREC topics and qrels
* letor.py     LETOR and SVMrank lines
* beir.py      a folder as BEIR and MTEB keep it
* wide.py      a column of grades a person, as rows
* reading.py   ``read_rows``: picks the format, maps the columns

Keep out: what makes a value good (stages/seed decides row by row). Here only a file that cannot be used *as a whole* is
an error; a row that cannot be read keeps its line number and its ``problem`` and is quarantined later.
"""

from label_pipeline.adapters.files.reading import read_rows
from label_pipeline.adapters.files.spec import FIELDS, InputSpec, RawRows

__all__ = ["FIELDS", "InputSpec", "RawRows", "read_rows"]
