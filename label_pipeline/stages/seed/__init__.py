"""seed: do humans agree enough to teach anything, and what is the gold grade?

The verbs, in the order the assets call them:

* ``assemble``             files' rows to queries, documents, human labels, evaluation, quarantine, books  inputs.py
* ``annotator_agreement``  agreement figures a collection, ``agreement_verdict`` on them                   agreement.py
* ``wordless``           queries that no search by words can find                                        unfound.py
* ``rejected``, ...        what is known of the grades before a judge is paid                         soundness.py
* ``GradeRubric``          which rubric a grade was given by, and what those of another mean           rubrics.py
* ``gold_labels``          panel mean, variance and count per pair                                           gold.py
* ``seed_splits``          train, dev, holdout or anchor, for ever                                         gold.py
* ``assemble_candidates``  candidate rows of one day or all (an amplify asset calls it)                candidates.py
* ``cause_lines``          rejected rows by cause, the commonest first                                     causes.py
* ``sentences``            what was noticed of the files and rejects no row                                notes.py
* ``settle``               one day's candidates beside those of other days                             feed.py

Before there is a seed (the command line calls these; each module has its own verbs):

* querylog.py, draw.py   a query log to strata, and the stratified draw of queries
* orders.py, pool.py     retrieval orders, and the draw of each query's documents
* overlap.py             who grades what
* guide.py               the rubric as the annotators' guide
* annotations.py         people's answers to human labels
* effort.py              what people have to grade for each claim, and when a judge does not pay

Frames in, frames out. Keep out: reading files (adapters/files) and storing (operations/seed.py).
"""

from label_pipeline.stages.seed.agreement import AgreementVerdict, agreement_verdict, annotator_agreement
from label_pipeline.stages.seed.candidates import (
    AssembledCandidates,
    CandidateRows,
    assemble_candidates,
    candidate_rows,
    candidates_of,
)
from label_pipeline.stages.seed.causes import cause_lines
from label_pipeline.stages.seed.feed import Fed, FilesHold, settle
from label_pipeline.stages.seed.gold import gold_labels, seed_splits
from label_pipeline.stages.seed.inputs import Assembled, assemble
from label_pipeline.stages.seed.notes import sentences
from label_pipeline.stages.seed.quarantine import InputBooks
from label_pipeline.stages.seed.rubrics import GradeRubric
from label_pipeline.stages.seed.soundness import GradeFact, agreement, alike, rejected, rubric_fact, variation
from label_pipeline.stages.seed.texts import Limits
from label_pipeline.stages.seed.unfound import wordless
from label_pipeline.stages.seed.values import RawInput
from label_pipeline.stages.seed.versions import doc_version

__all__ = [
    "AgreementVerdict",
    "Assembled",
    "AssembledCandidates",
    "CandidateRows",
    "Fed",
    "FilesHold",
    "GradeFact",
    "GradeRubric",
    "InputBooks",
    "Limits",
    "RawInput",
    "agreement",
    "agreement_verdict",
    "alike",
    "annotator_agreement",
    "assemble",
    "assemble_candidates",
    "candidate_rows",
    "candidates_of",
    "cause_lines",
    "doc_version",
    "gold_labels",
    "rejected",
    "rubric_fact",
    "seed_splits",
    "sentences",
    "settle",
    "variation",
    "wordless",
]
