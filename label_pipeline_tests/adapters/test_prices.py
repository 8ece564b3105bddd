import subprocess
import sys
from datetime import UTC, datetime

import pytest

from label_pipeline.adapters.prices import list_price
from label_pipeline.core.ports import Price

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("provider", ["openai", None])
def test_published_list_prices(provider: str | None) -> None:
    # OpenAI's price page, US dollars per million tokens: input, cached input, output.
    assert list_price("gpt-4o", provider, now=NOW) == Price(2.50, 1.25, 10.00)
    assert list_price("gpt-4o-mini", provider, now=NOW) == Price(0.15, 0.075, 0.60)


def test_a_model_priced_in_tiers_has_its_first_tier() -> None:
    price = list_price("gemini-2.5-pro", "google", now=NOW)
    assert price is not None
    assert (price.input_usd, price.output_usd) == (1.25, 10.0)


@pytest.mark.parametrize(("model", "provider"), [("sample-judge", None), ("sample-judge", "openai"), ("gpt-4o", "x")])
def test_an_unknown_model_or_provider_has_no_price(model: str, provider: str | None) -> None:
    assert list_price(model, provider) is None


@pytest.mark.outside
def test_prices_are_loaded_only_when_asked_for() -> None:
    code = "import sys, label_pipeline.adapters.prices; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
