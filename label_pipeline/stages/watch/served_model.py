"""Is the certified judge still the model it was? From the endpoint's model list and from what recent replies reported.

A *change* is another model than the one last handled, or its disappearance: A, B, A are three. A model that is not
listed any more is asked first, by one anchor run: a list is not what answers. A new fingerprint of the same model is no
change; it asks for one anchor run too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from label_pipeline.core.codes.verdicts import RECERTIFY
from label_pipeline.stages.watch.requests import ANCHOR, RECALIBRATE, Finding, Suspend, WantedRun

VANISHED = "(not listed)"

ROTATED = 10
"""Builds among which a service may rotate within one run."""

MISSING_TICKS = 2
"""Looks in a row that must miss a model in its list before it is asked: one answer without it is often a glitch."""

GONE_TICKS = 12
"""Looks in a row that must miss a model, an hour by default, with no answer from it since: then it is gone, and a
suspension costs a recalibration. Until then whoever labels is refused by the endpoint itself."""


@dataclass(frozen=True)
class WatchedJudge:
    """A judge that labels, or labelled until its verdict was suspended.

    Attributes:
        judge_version: its content hash.
        epoch: epoch of its verdict.
        endpoint: the endpoint it is asked at.
        model: the model id that is asked for.
        member_hash: of the member it was made of.
        model_served: the id that was certified.
        open_verdicts: collection: id of the open decision, for collections where it may label now.
        suspended: collections where its verdict is suspended.
        decided: epoch of the newest decision in any of these collections, of whichever judge.
    """

    judge_version: str
    epoch: int
    endpoint: str
    model: str
    member_hash: str
    model_served: str
    open_verdicts: Mapping[str, str]
    suspended: tuple[str, ...] = ()
    decided: int = -1

    @property
    def key(self) -> str:
        """Names this judge as certified in this epoch."""
        return f"{self.judge_version}@{self.epoch}"


@dataclass(frozen=True)
class Recorded:
    """What the replies of one judge reported since its calibration.

    Attributes:
        newest: model ids of the newest run that asked it: the epoch each was reported in first.
        fingerprints: fingerprints since certification that no anchor run has looked at, oldest first; none of a server
            that makes a new one for each reply.
        epoch: the first epoch of that newest run; -1 without one.
        heard_at: when its newest reply came (UTC, ISO 8601), of whatever run; empty without one.
    """

    newest: Mapping[str, int] = field(default_factory=dict)
    fingerprints: tuple[str, ...] = ()
    epoch: int = -1
    heard_at: str = ""


@dataclass(frozen=True)
class _Memory:
    """What is remembered of one judge between looks; a verdict on replies after ``since`` answers the last change.

    ``heard`` is ``Recorded.heard_at`` at the first look that missed the model; None where no look of this version did.
    """

    identity: str
    since: int
    changes: int = 0
    listed: bool = False
    missing: int = 0
    asked: tuple[str, ...] = ()
    heard: str | None = None


def model_changed(
    judges: Sequence[WatchedJudge],
    listed: Mapping[str, frozenset[str] | None],
    recorded: Mapping[str, Recorded],
    cursor: str | None,
) -> Finding:
    """What the model list and the recorded replies say about every watched judge.

    Args:
        judges: the judges that label, and those suspended; one entry a (judge version, epoch).
        listed: endpoint: the ids it lists; None (or an empty list) where it did not answer: that is no change.
        recorded: ``WatchedJudge.key``: what its replies reported.
        cursor: of the last look.
    """
    remembered = json.loads(cursor) if cursor else {}
    memory: dict[str, _Memory] = {}
    wanted: list[WantedRun] = []
    suspend: list[Suspend] = []
    notes: list[str] = []
    for judge in judges:
        before = _remembered(remembered.get(judge.key), judge)
        said = recorded.get(judge.key, Recorded())
        now = _identity(before, judge, listed.get(judge.endpoint) or None, said)
        memory[judge.key] = now
        if now.changes:
            # also a verdict still open after a look that was cut off: one change, one end
            reason = _reason(judge, before.identity, now.identity)
            until = _until(judge, now, said)
            suspend += [Suspend(verdict, reason, until) for verdict in judge.open_verdicts.values()]
            wanted.append(_recalibration(judge, now))
        elif judge.open_verdicts and now.missing >= MISSING_TICKS:
            told = f"endpoint {judge.endpoint} does not list model {judge.model} any more"
            if _answered(now.heard, said):
                notes.append(f"{told}, but it answers, as {now.identity}")
            else:
                wanted.append(_asked_first(judge, now, told))
        elif judge.open_verdicts:
            wanted += _anchor_run(judge, [name for name in said.fingerprints if name not in now.asked])
            notes.append(f"judge {judge.judge_version} is served by {now.identity}, as certified")
    # a judge that is watched no longer is forgotten: certified again, it is a new key
    written = json.dumps({key: asdict(found) for key, found in sorted(memory.items())})
    return Finding(tuple(wanted), tuple(suspend), written, tuple(notes))


def one_a_reply(distinct: int, replies: int) -> bool:
    """Whether so many fingerprints in so many replies of one run say that the server makes a new one each time.

    Such a fingerprint names no build, and one that was not seen before is no news: each batch of labels would buy an
    anchor run for ever. A service that rotates among builds shows a handful.
    """
    return distinct >= max(ROTATED, replies / 2)


def remember_asked(cursor: str | None, judge: str, fingerprints: Sequence[str]) -> str:
    """The cursor after an anchor run was asked for: every fingerprint seen so far is answered by that one run."""
    remembered = json.loads(cursor) if cursor else {}
    if judge in remembered:
        entry = remembered[judge]
        remembered[judge] = entry | {"asked": sorted({*entry["asked"], *fingerprints})}
    return json.dumps(remembered)


def _remembered(stored: Mapping[str, object] | None, judge: WatchedJudge) -> _Memory:
    """What the cursor holds of ``judge``; of one seen for the first time, what its verdict says."""
    if stored is None:
        return _Memory(judge.model_served, judge.epoch)
    asked = stored["asked"]
    assert isinstance(asked, list)  # written by model_changed
    return _Memory(
        str(stored["identity"]), int(str(stored.get("since", judge.epoch))), int(str(stored["changes"])),
        bool(stored["listed"]), int(str(stored["missing"])), tuple(map(str, asked)), _text(stored.get("heard")),
    )  # fmt: skip


def _identity(before: _Memory, judge: WatchedJudge, listed: frozenset[str] | None, said: Recorded) -> _Memory:
    """What the judge is now. A model counts as vanished only where the list once had it: some list no aliases.

    And only where nothing was heard from it since: it may be served and not listed.
    """
    seen, missing, heard = before.listed, before.missing, before.heard
    if listed is not None:
        seen = seen or judge.model in listed
        missing = 0 if judge.model in listed else missing + seen
    if missing and (not before.missing or heard is None):
        heard = said.heard_at
    gone = missing >= GONE_TICKS or (missing > 0 and before.identity == VANISHED)
    vanished = gone and not _answered(heard, said)
    others = sorted(set(said.newest) - {judge.model_served})
    identity = VANISHED if vanished else others[0] if others else judge.model_served
    if identity == before.identity:
        return replace(before, listed=seen, missing=missing, heard=heard)
    since = max(judge.epoch, judge.decided)
    if identity in said.newest and said.epoch > judge.epoch:  # a verdict on these very replies does answer the change
        since = said.epoch - 1
    return _Memory(identity, since, before.changes + 1, seen, missing, before.asked, heard)


def _answered(heard: str | None, said: Recorded) -> bool:
    """Whether a reply of the model came since it was first missed."""
    return heard is not None and said.heard_at > heard


def _text(stored: object) -> str | None:
    return stored if isinstance(stored, str) else None


def _reason(judge: WatchedJudge, before: str, now: str) -> str:
    if now == VANISHED:
        return f"endpoint {judge.endpoint} no longer lists model {judge.model}, and it has not answered since"
    if before == VANISHED:
        return f"endpoint {judge.endpoint} lists model {judge.model} again after it had gone"
    return f"endpoint {judge.endpoint} answers as model {now}, {judge.model_served} was certified"


def _until(judge: WatchedJudge, now: _Memory, said: Recorded) -> int:
    """Up to which epoch replies are of the earlier model: what the new one said in a calibration is evidence of it.

    Of a vanished model nothing is known but that this judge is gone: a judge certified on later replies, perhaps while
    this was looked at, is not touched.
    """
    return max(judge.epoch, said.newest.get(now.identity, 0) - 1)


def _recalibration(judge: WatchedJudge, now: _Memory) -> WantedRun:
    about = tuple(sorted({*judge.open_verdicts, *judge.suspended}))
    return WantedRun(
        RECALIBRATE,
        f"judge_model_changed:{judge.key}:{now.changes}",  # the counter: A, B, A must not be taken for A
        judge.key,
        f"change {now.changes} of judge {judge.judge_version}: it is {now.identity} now",
        fresh=True,
        lane=RECERTIFY,  # the change came from outside
        collections=about,
        since=now.since,
    )


def _asked_first(judge: WatchedJudge, now: _Memory, told: str) -> WantedRun:
    return WantedRun(
        ANCHOR, f"judge_model_changed:{judge.key}:unlisted:{now.heard}", judge.key, f"{told}: it is asked itself",
        collections=tuple(sorted(judge.open_verdicts)),
    )  # fmt: skip


def _anchor_run(judge: WatchedJudge, fingerprints: Sequence[str]) -> list[WantedRun]:
    if not fingerprints:
        return []
    told = f"judge {judge.judge_version} answered under {len(fingerprints)} fingerprints not seen since certification"
    return [
        WantedRun(
            ANCHOR, f"judge_model_changed:{judge.key}:fingerprint:{fingerprints[0]}", judge.key,
            f"{told}: {', '.join(fingerprints)}", collections=tuple(sorted(judge.open_verdicts)),
        )
    ]  # fmt: skip
