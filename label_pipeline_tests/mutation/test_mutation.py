"""What is planted, what is left alone, and how the share caught is written."""

import pytest

from label_pipeline_tests.mutation.faults import faults
from label_pipeline_tests.mutation.page import share
from label_pipeline_tests.mutation.sample import MODULES, ROOT, TESTS, draw

PLANTED = {
    "a = b < 3": {"< → <=", "3 → 4", "3 → 2"},
    "a = b == c and not d": {"== → !=", "and → or", "not → nothing"},
    "a = b not in c": {"not in → in"},
    "a = min(b, c) ** d": {"min → max", "** → *"},
    "a = b if c else d": {"b if c else d → (d) if c else (b)"},
    "a.append(b)": {"a.append(b) → pass"},
    "if a: raise B(1)": {"a → not (a)", "raise B(1) → pass"},
    "a = b.filter(c, d)": {"b.filter(c, d) → b", "c, → nothing", ", d → nothing"},
    'a = b.join(c, how="semi")': {'b.join(c, how="semi") → b', 'how="semi" → how="anti"'},
    "a = b.sort(c, descending=True)": {"b.sort(c, descending=True) → b", "descending=True → descending=False"},
    "a = {'b': c, 'd': e}": {"'b': c, → nothing", ", 'd': e → nothing"},
    "a = 0.1": {"0.1 → 0.15000000000000002"},
    "é = ü | ö": {"| → &"},
}


@pytest.mark.parametrize("source", PLANTED)
def test_each_kind_of_change_is_planted_where_it_says(source: str) -> None:
    found = faults("a.py", source.encode())
    assert {fault.change for fault in found} == PLANTED[source]
    for fault in found:
        assert source.replace(fault.before, fault.after, 1).encode() in {f.planted(source.encode()) for f in found}


LEFT_ALONE = '''"""Says 1 < 2."""
from a import b
__all__ = ["b", "c"]
@dataclass(frozen=True)
class D:
    """E."""
    f: G[1]
    h: str = f"{b < 2} of {'c' + 'd'}"
i = "j" + b
k = "l" if m else "n"
'''


def test_text_annotations_and_declarations_are_left_alone() -> None:
    assert faults("a.py", LEFT_ALONE.encode()) == []


def test_a_fault_knows_the_lines_that_run_before_what_its_statement_holds() -> None:
    [comparison, *_] = faults("a.py", b"if (\n    a\n    < b\n):\n    c()\n")
    assert (comparison.ran, comparison.line) == ((1, 4), 2)


def test_a_draw_is_repeated_by_its_seed_and_every_named_test_is_there() -> None:
    assert sum(module.faults for module in MODULES) >= 70
    shortest = min(MODULES, key=lambda module: (ROOT / module.path).stat().st_size)
    assert draw(shortest, 1) == draw(shortest, 1) != draw(shortest, 2)
    for module in MODULES:
        assert [name for name in (*module.near, *module.far) if not (ROOT / TESTS / name).exists()] == []


def test_a_share_is_written_with_the_interval_of_wilson() -> None:
    # (9 + 1.92 +- 1.96 sqrt(.9 * .1 * 10 + .96)) / (10 + 3.84) = .596 and .982
    assert share(9, 10) == "0.900 | 0.60 to 0.98"
    assert share(0, 0) == " | "
