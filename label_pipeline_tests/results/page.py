"""docs/results.md as text: what was run, how to read it, the tables, and what they say in plain sentences.

A pure function of the findings: no clock, no text of the corpus. Keep out: tables (tables.py), running (graph.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from label_pipeline_tests.results import drift_page, lane, llmjudge, tables
from label_pipeline_tests.results.drift import Detection
from label_pipeline_tests.results.graph import GraphFindings, JudgeRun
from label_pipeline_tests.results.recorded import POLICY
from label_pipeline_tests.results.sentences import MAIN, item, opening, proof, text

PICTURE = "results-ndcg.svg"


@dataclass(frozen=True)
class Findings:
    """Everything the page is made of.

    Attributes:
        graph: what the graph did.
        looks: rows ``LOOK`` of recorded.py, all re-splits.
        truth: judge, name, value over every pair.
        grades: query_id, doc_id, human_grade of every pair.
        lane: rows ``LANE`` of lane.py.
        drift: what the drift detectors make of simulated years.
        llmjudge: another corpus, with its own judges.
        data: name and hash of the data file.
        versions: package to version.
    """

    graph: GraphFindings
    looks: pl.DataFrame
    truth: pl.DataFrame
    grades: pl.DataFrame
    lane: pl.DataFrame
    drift: Sequence[Detection]
    llmjudge: llmjudge.LLMJudge
    data: str
    versions: Mapping[str, str]


def page(found: Findings) -> str:
    """The whole file."""
    judged = [*head(found), *calibrate(found), *gate(found), *lane.section(found.lane), *amplify(found), *rank(found)]
    parts = [*judged, *drift_page.section(found.drift), *llmjudge.section(found.llmjudge)]
    return "\n\n".join(parts) + "\n"


def head(found: Findings) -> list[str]:
    """What was run on what, and how to read the rest."""
    counts = dict(found.graph.splits["split"].value_counts().iter_rows())
    splits = ", ".join(f"{counts[name]} {name}" for name in ("train", "dev", "holdout", "anchor"))
    pairs, queries = found.grades.height, found.grades["query_id"].n_unique()
    versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
    return [
        "# What the loop finds on real judgments",
        text(
            "Written by `make results` (`python -m label_pipeline_tests.results`); do not edit it by hand. The same "
            "data and versions give the same bytes."
        ),
        text(
            f"**Data**: the passage judgments of TREC Deep Learning 2019 and 2020, {queries} queries, {pairs:,} "
            "graded pairs, one assessor a pair, grades 0 to 3, with the grades that seven language models really gave "
            f"to the same pairs ({found.data} under `LABEL_PIPELINE_TEST_DATA`). The models' grades are played back by "
            "a local provider over the OpenAI protocol: nothing was spent. No text of the corpus is reproduced here."
        ),
        text(
            f"**Set-up**: one collection. Queries are dealt {splits}; 20 pairs of each are the human seed. Every other "
            "pair is a candidate. A judge is chosen and calibrated on the seed of train and dev queries, certified on "
            f"that of holdout queries under policy `{POLICY.name}`, and labels the candidates if its gate is open. The "
            "ranker is tested on all human grades of holdout and anchor queries, which no "
            "judge and no ranker of a run is tuned or trained on."
        ),
        text(f"**Versions**: {versions}."),
        "## How to read this",
        "\n".join(
            (
                item("A *figure* is an estimate, its *bound* the end of a one-sided interval that resamples queries. "
                     "The gate compares the bound, so too little data closes it."),
                item("*Truth* is the same figure over all pairs of all queries, calibrated on all of them. It weighs a "
                     "query by its graded pairs, the holdout's 20 a query weigh all queries alike, so the two differ a "
                     "little beyond chance. Bias is 0 there by construction, but for clipping."),
                item("A *re-split* deals queries and samples the seed with another salt, and calibrates and decides "
                     "anew on the recorded grades. The share that opens says how far a verdict depends on the deal. "
                     "The re-splits share the same 97 queries, so they are no independent repetitions."),
                item("*nDCG@10* orders each query's graded passages; gain is 2^grade − 1 (exponential) or the grade "
                     "(linear). Compare arms, not projects: a deeper pool is a harder one."),
                item("The thresholds of the policies, and the few settings of LambdaMART and its features, were chosen "
                     "with an eye on re-splits of these same judgments. What is shown is therefore a little flattering "
                     "to every trained arm; it is no test on new data."),
                item("Intervals are 95 % and resample queries. A difference whose interval includes 0 shows nothing."),
            )
        ),
    ]  # fmt: skip


def calibrate(found: Findings) -> list[str]:
    """The seven-way leaderboard."""
    return [
        "## 1. The leaderboard",
        text(
            "All seven judges on the human seed of train and dev queries. Loss is the squared error after an affine "
            "calibrator fitted out of fold, 0 to 100. The cheapest within one standard error of the best is chosen; "
            "prices are equal here, so the lowest loss is."
        ),
        tables.leaderboard(found.graph.board),
    ]


def gate(found: Findings) -> list[str]:
    """Every verdict beside the truth, and the re-splits."""
    runs = found.graph.runs
    absent = [str(c["sentence"]) for c in runs[0].criteria if c["status"] == "not applicable"]
    return [
        "## 2. The gate",
        text("Each judge in a project of its own, so each verdict is a first look at the holdout. **✗** is a missed "
             "criterion."),
        tables.verdicts(runs, found.truth, found.looks),
        *opening([run.judge for run in runs], found.truth, found.looks),
        "What else the verdicts look at, and what they report without deciding on it:",
        tables.certificate(runs),
        "Why a gate is not open, in its own words:",
        "\n".join(item(f"`{run.judge}`: {sentence}.") for run in runs for sentence in run.failures),
        "What cannot apply with one grade a pair:\n\n" + "\n".join(item(f"{sentence}.") for sentence in absent),
        "### The truth over all pairs",
        tables.truths(found.truth),
        f"### {found.looks['split'].n_unique()} re-splits",
        text("Shares of all re-splits. A judge may miss several criteria at once."),
        tables.resplits(found.looks, [run.judge for run in runs]),
    ]  # fmt: skip


def amplify(found: Findings) -> list[str]:
    """Books of the candidates, and what stopped a refused judge."""
    lines = [
        "## 3. The labels",
        text("Agreement is with the assessors' grades of the labelled pairs, which neither judge nor calibrator saw."),
        tables.books(found.graph.runs, found.grades),
    ]
    for run in found.graph.runs:
        if run.book is not None and run.book["requests"] == 0:
            lines.append(
                text(f"`{run.judge}` was refused. The provider counted {run.requests:,} requests of it, those of "
                     f"calibration and gate; amplify sent none and stopped with: “{run.refusal}”")
            )  # fmt: skip
        elif run.book is not None and unlabelled(run):
            lines.append(
                text(f"`{run.judge}`: {unlabelled(run)} pairs have no label. Two different "
                     "grades are on record for their texts (copies of one passage, an outer space apart), and the "
                     "provider refuses to choose.")
            )  # fmt: skip
    return lines


def unlabelled(run: JudgeRun) -> int:
    """Candidates of one amplification that have no label."""
    return 0 if run.book is None else int(str(run.book["pairs_in"])) - int(str(run.book["labelled"]))


def rank(found: Findings) -> list[str]:
    """The ranker's proof for every judge whose labels trained one."""
    lines = [
        "## 4. The ranker",
        text(
            "LambdaMART on text features. `amplified` learns from the machine labels and the human seed of the 34 "
            "train and dev queries; `seed_only` is the better of LambdaMART and ridge on the seed alone; "
            "`amplified_l2` is a ridge on what `amplified` learns from; `permuted` is the negative control, the same "
            f"labels shuffled. The champion is crowned only if the lower bound of `amplified - seed_only`, {MAIN}, is "
            "above 0."
        ),
        f"![nDCG@10 by arm and judge]({PICTURE})",
    ]
    for run in found.graph.runs:
        if not run.metrics.is_empty():
            lines += [f"### Labels of `{run.judge}`", tables.ranking(run.metrics), *proof(run)]
    return lines
