"""What the replies of one run show that no single reply proves: said once a run, as sentences. Pure.

Each is legal, and each changes what a grade or its price rests on. Keep out: what a reply says (reply.py), outcomes.
"""

from collections import Counter
from collections.abc import Mapping

from label_pipeline.core.judging.member import Member
from label_pipeline.core.ports import Reply

SAME_COUNT, LONGER = 3, 1.2
"""So many texts, the longest so many times the shortest, that all count the run's greatest number of tokens: a context
cuts them. Two texts of one length in tokens are common; three at the very maximum and a fifth apart are not."""


class Noticed:
    """Collects over the replies that one run of a judge received."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self.replies = self.estimated = 0
        self._short = self._without_logprobs = 0
        self._found_in: Counter[str] = Counter()
        self._served_by: Counter[str] = Counter()
        self._most_tokens, self._at_most = 0, list[int]()

    def see(self, body: Mapping[str, object], reply: Reply) -> None:
        """Takes in one reply and the body it answers."""
        self.replies += 1
        self.estimated += reply.estimated
        self._short += reply.short_count
        self._without_logprobs += self._member.logprobs and not reply.tokens
        if reply.found_in is not None:
            self._found_in[reply.found_in] += 1
        if reply.served_by is not None:
            self._served_by[reply.served_by] += 1
        if not reply.estimated and reply.input_tokens >= self._most_tokens:
            if reply.input_tokens > self._most_tokens:
                self._most_tokens, self._at_most = reply.input_tokens, []
            self._at_most.append(_bytes_of(body))

    @property
    def sentences(self) -> dict[str, str]:
        """What to tell, by what it is about; empty where nothing is odd."""
        name, found = self._member.name, dict[str, str]()
        if self._short or self._cut_at_one_length():
            seen = (
                f"{self._short} of {self.replies} replies count fewer tokens than their text can have"
                if self._short
                else f"texts of different length all count {self._most_tokens} input tokens"
            )
            found["cut"] = (
                f"{name}: {seen}: the server seems to cut prompts to its context without a word, and grades rest on "
                "what is left; raise its context (ollama: num_ctx) or lower the prompt's document_max_chars"
            )
        if self._without_logprobs:
            found["logprobs"] = (
                f"{name}: {self._without_logprobs} of {self.replies} replies bring no usable log-probabilities, which "
                "were asked for: their grades are whole numbers; state logprobs: false where the endpoint gives none"
            )
        if self._found_in:
            places = ", ".join(f"{place} ({count})" for place, count in sorted(self._found_in.items()))
            found["found_in"] = f"{name}: of {self.replies} replies the text did not stand alone in content: {places}"
        if len(self._served_by) > 1:
            hosts = ", ".join(f"{host} ({count})" for host, count in sorted(self._served_by.items()))
            found["served_by"] = (
                f"{name}: {len(self._served_by)} providers answered as one model: {hosts}; pin one where grades must "
                "compare (OpenRouter: parameters.provider.order and allow_fallbacks: false)"
            )
        return found

    def _cut_at_one_length(self) -> bool:
        sizes = self._at_most
        return len(sizes) >= SAME_COUNT and max(sizes) >= LONGER * min(sizes)


def _bytes_of(body: Mapping[str, object]) -> int:
    messages = body["messages"]
    assert isinstance(messages, list)  # made by Member.body
    return sum(len(str(message["content"]).encode("utf-8", "replace")) for message in messages)
