"""Writes the sample world as the files a user would bring."""

from pathlib import Path

from label_pipeline.rehearsal.world import SampleWorld

_README = """This folder is GENERATED. No person, company, document or grade in it is real.

It is the sample project of label_pipeline: a made-up company's search, generated from seed {seed}.
The same seed gives the same files. Grades run from {lo} (irrelevant) to {hi} (answers the question).

queries.csv        {queries} queries in English and German; many use the company's code names ("Falcon" is payroll)
documents.parquet  {documents} documents; boundary says whether a row is internal or customer text
human_labels.csv   {human_labels} grades of {seed_pairs} pairs, three of five made-up annotators each, with reasons
evaluation.csv     {evaluation} grades of one made-up expert, for proving a ranker, never for training it
candidates.jsonl   {candidates} pairs waiting for a label, by day of arrival
"""


def write_files(world: SampleWorld, folder: Path) -> dict[str, Path]:
    """Writes queries.csv, documents.parquet, human_labels.csv, evaluation.csv, candidates.jsonl and README.txt.

    Args:
        world: the generated world.
        folder: created when absent; files of these names are overwritten.

    Returns:
        Path by name: queries, documents, human_labels, evaluation, candidates, readme.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        "queries": "queries.csv",
        "documents": "documents.parquet",
        "human_labels": "human_labels.csv",
        "evaluation": "evaluation.csv",
        "candidates": "candidates.jsonl",
        "readme": "README.txt",
    }
    paths = {name: folder / file for name, file in names.items()}
    world.queries.write_csv(paths["queries"])
    world.documents.write_parquet(paths["documents"])
    world.human_labels.write_csv(paths["human_labels"])
    world.evaluation.write_csv(paths["evaluation"])
    world.candidates.write_ndjson(paths["candidates"])
    paths["readme"].write_text(
        _README.format(
            seed=world.seed,
            lo=world.scale.lo,
            hi=world.scale.hi,
            queries=world.queries.height,
            documents=world.documents.height,
            human_labels=world.human_labels.height,
            seed_pairs=world.human_labels.select("query_id", "doc_id").unique().height,
            evaluation=world.evaluation.height,
            candidates=world.candidates.height,
        ),
        encoding="utf-8",
    )
    return paths
