"""Labels up to the cap: whole queries in plan order, what is left over is booked, and days and months add up."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.operations.amplify_caps import room, spent_since
from label_pipeline.operations.judging import price
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, Provider, Small, failure_of


@pytest.fixture
def home(certified_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def small(home: Path, **amplify: float) -> Small:
    """Input alone has a price, so that a plan is not far above the bill."""
    judges = projects.data(home)["candidates"]
    judges[0]["prices"] = {"rehearsal-large": {"input_usd": 1000, "output_usd": 0}}
    return Small(projects.settings(home, candidates=judges, amplify={"cap_usd": 1000.0, **amplify}), LATER)


def labelled(found: Small) -> pl.DataFrame:
    return found.project.store("amplify").read("labels")


def day_pairs(found: Small, day: str) -> pl.DataFrame:
    return found.project.store("amplify").query("amplify/day_pairs", {"day": date.fromisoformat(day)})


def plan_usd(found: Small, pairs: pl.DataFrame) -> float:
    """What these pairs cost at most."""
    judge, _ = found.project.judge(found.project.store("amplify").read("judge_versions")["judge_version"][0])
    return price(
        found.project, JudgingOrder(found.project.member_of(judge), pair_texts(pairs), "amplify", 0), at_most=True
    ).cost_usd


def test_a_cap_below_the_day_labels_up_to_it_and_a_higher_one_the_rest(home: Path) -> None:
    """The whole day was refused, though the plan was three times too high."""
    pairs = day_pairs(small(home), DAYS[1])
    queries = pairs["query_id"].unique(maintain_order=True).to_list()
    first = pairs.filter(pl.col("query_id") == queries[0])
    assert first.height < 15
    cap = 1.05 * plan_usd(small(home), first)
    poor = small(home, cap_usd=cap)
    said = failure_of(poor.run("amplified_labels", day=DAYS[1]))
    [row] = poor.project.store("amplify").read("label_runs").iter_rows(named=True)
    assert (row["refused_by"], row["labelled"] + row["refused"], row["pairs_in"]) == ("cap", 20, 20)
    assert f"stopped at the cap with {row['labelled']} of 20 pairs of main labelled; raise amplify.cap_usd" in said
    assert 0 < row["cost_usd"] <= cap
    given = labelled(poor)
    begun = given["query_id"].unique().to_list()
    assert sorted(begun) == sorted(queries[: len(begun)]), "in plan order"
    assert 0 < given.height == pairs.filter(pl.col("query_id").is_in(begun)).height < 20, "and whole"
    rich = small(home)
    assert rich.run("amplified_labels", day=DAYS[1]).success
    assert labelled(rich).height == 20
    runs = rich.project.store("amplify").read("label_runs").sort("cost_usd")
    assert runs["cost_usd"].sum() == pytest.approx(
        rich.project.store("amplify").read("judgements").filter(pl.col("purpose") == "amplify")["cost_usd"].sum()
    )


def test_a_day_s_cap_counts_every_run_of_the_day_and_a_month_s_of_the_month(home: Path) -> None:
    first = small(home)
    assert room(first.project) == (1000.0, "amplify.cap_usd")
    assert first.run("amplified_labels", day=DAYS[0]).success
    spent = float(first.project.store("amplify").read("label_runs")["cost_usd"].sum())
    assert spent > 0
    assert spent_since(first.project, LATER - timedelta(days=1)) == pytest.approx(spent)
    assert spent_since(first.project, LATER + timedelta(days=1)) == 0
    daily = small(home, day_cap_usd=spent * 1.5)
    assert room(daily.project)._asdict() == {"usd": pytest.approx(spent / 2), "key": "amplify.day_cap_usd"}
    assert "does not fit amplify.day_cap_usd" in failure_of(daily.run("amplified_labels", day=DAYS[1]))
    tomorrow = Small(daily.settings, LATER + timedelta(days=1))
    assert room(tomorrow.project).usd == pytest.approx(spent * 1.5)
    monthly = Small(small(home, month_cap_usd=spent / 2).settings, LATER + timedelta(days=1))
    assert room(monthly.project) == (0.0, "amplify.month_cap_usd")
    assert "does not fit amplify.month_cap_usd" in failure_of(monthly.run("amplified_labels", day=DAYS[2]))
