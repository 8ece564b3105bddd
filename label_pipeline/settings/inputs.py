"""The user's files: what feeds each input table, how it is read, and a folder that feeds them all.

Keep out: reading them (adapters/files/).
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from label_pipeline.core.codes.inputs import DateOrder
from label_pipeline.settings.knobs import Knobs, listed

Grade = Annotated[int | None, Field(description="grade on the project's scale; null = not judged, dropped and counted")]


def _no_booleans(value: object) -> object:
    """A mapping whose keys and values YAML has not taken for true and false.

    Raises:
        ValueError: it has; which word stood there is not known any more.
    """
    if isinstance(value, dict) and any(isinstance(part, bool) for pair in value.items() for part in pair):
        raise ValueError(
            "YAML reads yes, no, on, off, true and false without quotes as true and false; write such words in quotes, "
            'as in {"yes": 1, "no": 0}'
        )
    return value


def _each_once(names: list[str]) -> list[str]:
    again = sorted({name for name in names if names.count(name) > 1})
    if again:
        raise ValueError(f"{again[0]!r} is named twice; name each column once")
    return names


Grades = Annotated[dict[str | int, Grade] | None, BeforeValidator(_no_booleans)]
Names = Annotated[list[str], BeforeValidator(listed)]
Columns = Annotated[list[str], Field(min_length=1), AfterValidator(_each_once)]


class InputSettings(Knobs):
    """One file that feeds one input table."""

    path: str = Field(description="file, folder or pattern, relative to this settings file; {home} is the project's")
    format: Literal["csv", "parquet", "jsonl", "json", "trec_topics", "trec_qrels", "letor", "beir"] | None = Field(
        None, description="from the file's ending when absent, else from its first line; beir is a folder"
    )
    splits: Names | None = Field(
        None, min_length=1, description="of a BEIR folder: whose judgements, [train] for qrels/train.tsv; absent = all"
    )
    columns: Annotated[dict[str, str], BeforeValidator(_no_booleans)] = Field(
        default_factory=dict, description="our column: the file's column, of JSON also a path as result.choices[0]"
    )
    grades: Grades = Field(None, description="source grade: our grade, where scales differ")
    delimiter: str | None = Field(None, min_length=1, max_length=2, description="from the first line when absent")
    quotes: Literal["csv", "text"] | None = Field(
        None, description="csv = they enclose fields, text = they are text; absent = text in a TSV no program quoted"
    )
    names: list[str] | None = Field(None, min_length=1, description="the columns of a CSV file without a header")
    encoding: str = "utf-8"
    annotator: str | None = Field(
        None, min_length=1, description="who graded the rows of human_labels that do not say; one file a person"
    )
    melt: dict[Literal["annotator_id"], Columns] | None = Field(
        None, min_length=1, description="a wide sheet's columns of grades, one a person and called by who that is"
    )
    explode: str | None = Field(
        None, min_length=1, description="of JSON: path of a list, each item of which is a row of its own"
    )
    date_order: DateOrder | None = Field(
        None, description="how it writes dates like 03/05/2024; absent = such a date is left out and counted"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.splits is not None and self.format != "beir":
            raise ValueError("splits are those of a BEIR folder; state `format: beir`, or leave them out")
        made = sorted({"annotator_id", "grade"} & {*self.columns}) if self.melt else []
        if made:
            raise ValueError(f"melt makes annotator_id and grade; leave {' and '.join(made)} out of columns")
        return self


def _files(value: object) -> list[object]:
    """A bare path, one mapping, or a list of either."""
    several = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in several]


Files = Annotated[list[InputSettings], BeforeValidator(_files)]


class FolderSettings(Knobs):
    """One folder that feeds every table of the seed: its corpus, its queries, its judgements by split."""

    path: str = Field(description="relative to this settings file, or an s3:// address")
    format: Literal["beir"] = Field(
        description="how it is laid out: corpus, queries and qrels as BEIR and MTEB have them"
    )
    human_labels: Names = Field(
        min_length=1, description="splits whose judgements teach and gate the judge, as [train]"
    )
    evaluation: Names = Field(default_factory=list, description="splits whose judgements prove the ranker, as [test]")
    grades: Grades = Field(None, description="its score: our grade, where scales differ")
    annotator: str | None = Field(None, min_length=1, description="who judged, where that is known")

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = sorted({*self.human_labels} & {*self.evaluation})
        if both:
            raise ValueError(
                f"split {both[0]!r} is both under human_labels and evaluation; no grade may teach and prove"
            )
        return self


def _fed(folder: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The one file of each table that a folder stands for; what is wrong with the folder is told of itself alone."""
    files: dict[str, object] = {"path": str(folder.get("path")), "format": "beir"}
    grades = folder.get("grades")
    graded = files | ({"grades": grades} if isinstance(grades, dict) else {})
    taught = graded | ({"annotator": one} if isinstance(one := folder.get("annotator"), str) else {})
    tables = {"queries": files, "documents": files, "human_labels": taught | _splits(folder.get("human_labels"))}
    proving = _splits(folder.get("evaluation"))
    return tables | ({"evaluation": graded | proving} if proving else {})


def _splits(value: object) -> dict[str, object]:
    names = value if isinstance(value, list) else [value]
    return {"splits": names} if names and all(isinstance(name, str) for name in names) else {}


class InputsSettings(Knobs):
    """Where the user's files are and how they are read."""

    folder: FolderSettings | None = Field(
        None, description="a BEIR or MTEB folder: queries, documents, human_labels and evaluation in one"
    )
    queries: Files = Field(min_length=1)
    documents: Files = Field(min_length=1)
    human_labels: Files = Field(min_length=1)
    evaluation: Files = Field(default_factory=list, description="human grades of test queries; only `rank` reads them")
    candidates: Files = Field(default_factory=list, description="pairs to label")
    candidate_files: Literal["all", "new"] = Field(
        "all",
        description="what these files hold: every candidate (what left them leaves the table), or, replaced night by "
        "night, what is new (nothing leaves)",
    )
    pairs_per_query: int | None = Field(
        None, ge=1, description="sample so many pairs of each query of a big human file"
    )
    max_document_chars: int = Field(
        100_000, ge=100, description="longer documents are quarantined: about 25,000 tokens, past most context windows"
    )
    max_rejected_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="of the human rows about queries and documents of this project; above it nothing is calibrated",
    )
    rubric_crosswalk: dict[str, dict[int, int]] = Field(
        default_factory=dict,
        description="an older rubric's `version`: its grade: what that means in today's; else its human grades wait",
    )
    pool_date: date | None = Field(None, description="the one day of candidates that carry no arrived_on")

    @model_validator(mode="before")
    @classmethod
    def _with_folder(cls, value: object) -> object:
        """The folder's files before those the tables list."""
        folder = value.get("folder") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(folder, dict):
            return value
        own = {table: _files(value[table]) for table in _fed(folder) if value.get(table) is not None}
        return value | {table: [file, *own.get(table, ())] for table, file in _fed(folder).items()}

    @model_validator(mode="after")
    def _no_candidates_of_a_folder(self) -> Self:
        if any(one.format == "beir" for one in self.candidates):
            raise ValueError("candidates: a BEIR folder holds none; give them as a file of query_id and doc_id")
        return self

    @property
    def files(self) -> list[InputSettings]:
        """Every file, whatever it feeds."""
        return [*self.queries, *self.documents, *self.human_labels, *self.evaluation, *self.candidates]
