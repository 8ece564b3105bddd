"""Ten short pairs a person can grade at a glance, and the member that asks about them.

Keep out: servers (serving.py).
"""

from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.prompt import PromptTemplate
from label_pipeline.core.ports import PairText, Price
from label_pipeline_tests.core.judging.scripted import make_rubric

TEXTS = (
    ("capital of France", "Paris is the capital of France."),
    ("capital of France", "Bananas are rich in potassium."),
    ("how to boil an egg", "Boil the egg for eight minutes, then cool it in water."),
    ("how to boil an egg", "The egg was painted blue."),
    ("reset my password", "Open Settings, choose Security and press Reset password."),
    ("reset my password", "Our office is closed on Sunday."),
    ("fastest land animal", "The cheetah is the fastest animal on land."),
    ("fastest land animal", "Cheetahs live in Africa."),
    ("price of a train ticket", "A ticket to Rome costs 40 euros."),
    ("price of a train ticket", "The train was invented long ago."),
)
PROMPT = PromptTemplate(
    "short", "{{rubric}}\nGive a short reason, then the grade, as JSON.", "{{query}}\n{{document}}\nGrade the document."
)
MAX_TOKENS = 60


def pair(query: str, document: str, number: int = 0) -> PairText:
    """One pair of these texts."""
    return PairText("relevance", "main", f"q-{query}", f"d{number}", "v1", None, query, document, customer=False)


PAIRS = [pair(*texts, number) for number, texts in enumerate(TEXTS)]


def member(model: str, **parameters: object) -> Member:
    """A member that asks ``model`` for a short reason, a grade and log-probabilities."""
    return Member(
        name=model, endpoint="main", inside=True, model=model, prompt=PROMPT, rubric=make_rubric(),
        parameters={"temperature": 0, "max_tokens": MAX_TOKENS, **parameters}, logprobs=True, price=Price(1, 1, 1),
    )  # fmt: skip
