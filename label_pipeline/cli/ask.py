"""`check --ask`: a first few replies of every judge, shown as they came, and the key to change where one does not fit.

Keep out: asking and booking (operations/first_contact.py), what does not fit (core/judging/misfits.py).
"""

from uuid import uuid4

import polars as pl
import yaml
from rich.console import Console

from label_pipeline.cli.exits import DONE, MISTAKE, PROVIDER
from label_pipeline.cli.plans import AssembledFiles, texts_of
from label_pipeline.cli.terminal import say
from label_pipeline.core.judging.misfits import Look
from label_pipeline.core.pairs import shown_documents
from label_pipeline.core.ports import PairText
from label_pipeline.core.splits import TRAIN
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.operations.first_contact import Contact, meet, plan_contacts
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run

SHOWN_CHARS = 240
"""Characters of a reply that are shown; the journal has all of them."""


def ask_judges(console: Console, project: Project, inputs: AssembledFiles, count: int, *, fit: bool) -> int:
    """Asks every judge about ``count`` graded pairs of train, and shows what came back.

    Args:
        console: where it is told.
        project: the project.
        inputs: the user's files.
        count: pairs.
        fit: try other settings of the endpoint where one does not fit.

    Returns:
        0; 2 without such a pair; 5 where a judge gave no grade.

    Raises:
        BudgetError: it may cost more than calibrate.cap_usd, or a price is unknown.
        BusyError: another run is asking a judge.
    """
    pairs, gold = first_pairs(inputs, count)
    if not pairs:
        say(console, "nobody was asked: no graded pair of a train query without customer text", "red")
        return MISTAKE
    most = plan_contacts(project, pairs)
    judges = f"{len(project.members)} judge{'s' if len(project.members) > 1 else ''}"
    known = f", {most.answered} known" if most.answered else ""
    say(
        console,
        f"\nasking {judges} about {len(pairs)} pairs of train: {most.requests} requests{known}, "
        f"at most ${most.cost_usd:.4f}; booked as `check`, and a calibration does not ask them again"
        + (f"; --fit asks more, within calibrate.cap_usd: ${project.settings.calibrate.cap_usd:.2f}" if fit else ""),
    )
    found = meet(Run(f"check-{uuid4()}"), project, pairs, fit=fit)
    for contact in found:
        _tell(console, contact, gold)
    return DONE if all(contact.graded for contact in found) else PROVIDER


def first_pairs(inputs: AssembledFiles, count: int) -> tuple[tuple[PairText, ...], dict[PairText, float]]:
    """So many graded pairs of train, of as many queries and grades as can be, and their gold grades; no customer text.

    Args:
        inputs: the user's files.
        count: pairs.
    """
    inside = shown_documents(inputs.seeded.documents).filter(~pl.col("customer")).select("doc_id", "doc_version")
    pairs = inputs.assigned.filter(pl.col("split") == TRAIN).join(
        inside, on=["doc_id", "doc_version"], how="semi", maintain_order="left"
    )
    # round by round through the grades, each time another query: three pairs of one grade would show one kind of reply
    place = pl.int_range(pl.len())
    dealt = (
        pairs.sort(*QUERY_KEY, "gold_mean", "doc_id")
        .with_columns(place.over(QUERY_KEY).alias("of_query"))
        .with_columns(place.over("gold_mean", order_by=["of_query", *QUERY_KEY, "doc_id"]).alias("of_grade"))
        .sort("of_grade", "gold_mean", "doc_id")
        .head(count)
    )
    texts = texts_of(inputs.seeded, dealt)
    gold = {row[:2]: row[2] for row in dealt.select("query_id", "doc_id", "gold_mean").iter_rows()}
    return texts, {text: gold[text.query_id, text.doc_id] for text in texts}


def _tell(console: Console, contact: Contact, gold: dict[PairText, float]) -> None:
    member = contact.member
    head = f"\n{member.name} at {member.endpoint}: {contact.graded} of {len(contact.looks)} replies hold a grade"
    replies = [look.reply for look in contact.looks if look.reply is not None]
    say(console, head if replies else f"\n{member.name} at {member.endpoint}: no reply", "bold")
    for look in contact.looks:
        _tell_look(console, look, gold.get(look.pair))
    if replies:
        models, hosts = (sorted({str(value) for value in values}) for values in (
            [reply.model for reply in replies], [reply.served_by for reply in replies if reply.served_by]))  # fmt: skip
        probabilities = "not asked for"
        if member.logprobs:
            probabilities = "given" if any(look.expected for look in contact.looks) else "NOT given"
        estimated = ", token counts NOT given" if any(reply.estimated for reply in replies) else ""
        say(console, f"  served: model {', '.join(models)} by {', '.join(hosts) or 'an unnamed host'}; "
            f"log-probabilities {probabilities}{estimated}; ${contact.cost_usd:.6f}")  # fmt: skip
    for sentence in contact.noticed:
        say(console, f"  {printable(sentence)}", "yellow")
    if contact.failure is not None and not contact.misfits:
        say(console, f"  {printable(contact.failure)}", "red")
    for found in contact.misfits:
        value = (
            "" if found.value is None else f": {yaml.safe_dump(found.value, default_flow_style=True).split(chr(10))[0]}"
        )
        say(console, f"  {printable(found.sentence)}", "red")
        say(console, f"    change {found.key}{value}", "yellow")
    _tell_fit(console, contact)


def _tell_fit(console: Console, contact: Contact) -> None:
    if contact.changed and contact.fits:
        block = yaml.safe_dump({contact.member.endpoint: contact.changed}, sort_keys=False)
        say(console, "  these settings fit; write them under `endpoints`:")
        say(console, "    " + block.rstrip().replace("\n", "\n    "))
    elif contact.changed:
        tried = ", ".join(f"{name}: {value}" for name, value in contact.changed.items())
        say(console, f"  tried without success: {tried}", "yellow")
    elif contact.fits and not contact.noticed:
        say(console, "  everything fits", "green")


def _tell_look(console: Console, look: Look, gold: float | None) -> None:
    grade = f"grade {look.grade}" if look.grade is not None else f"{look.outcome}: {printable(look.detail or '')}"
    people = "" if gold is None else f" (people: {gold:.1f})"
    said = f"  {look.pair.query_id} x {look.pair.doc_id}: {grade}{people}"
    if look.reply is not None:
        reply = look.reply
        said += (
            f"; {reply.input_tokens:,} tokens in (planned {look.planned_tokens:,}), {reply.output_tokens:,} out, "
            f"{reply.latency_s:.2f} s"
        )
    say(console, said)
    if look.reply is not None and (text := printable(look.reply.content or look.reply.refusal or "")):
        say(console, f"    {text[:SHOWN_CHARS]}{'...' if len(text) > SHOWN_CHARS else ''}")


def printable(text: str) -> str:
    """On one line, without what a terminal would obey: replies are untrusted text."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
