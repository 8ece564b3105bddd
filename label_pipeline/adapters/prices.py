"""List prices of hosted models, from the data file inside genai-prices. Asks nobody.

Keep out: prices from settings, which win over these, and what to do when none is known.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from label_pipeline.core.ports import Price

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import TieredPrices


def list_price(model: str, provider: str | None = None, *, now: datetime | None = None) -> Price | None:
    """The list price of ``model``, or None when it is unknown.

    Models priced in tiers get their first tier: it holds to 128,000 tokens or more, far above a judge's request.

    Args:
        model: model id, as asked for.
        provider: provider id (``openai``, ``anthropic``, ...); None finds it by the model's name.
        now: some prices depend on date or hour; default the current time.
    """
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    prices = found.get_prices(now or datetime.now(UTC))
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    cached = prices.cache_read_mtok
    fresh = _first_tier(prices.input_mtok)
    return Price(fresh, fresh if cached is None else _first_tier(cached), _first_tier(prices.output_mtok))


def _first_tier(price: "Decimal | TieredPrices") -> float:
    from genai_prices.types import TieredPrices

    return float(price.base if isinstance(price, TieredPrices) else price)
