"""Reference prices: every model of genai-prices costs here what genai-prices says, or says why it has no price here."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.decompose import compute_leaf_values
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
    Usage,
    calc_unit_price,
)
from genai_prices.units import UnitRegistry

from engine.model import PriceTier, Pricing
from engine.model import PriceVariant as OurVariant
from engine.pricing.cost import compile_pricing
from engine.pricing.meters import BY_PRICE_KEY, METERS, contains, price_context
from engine.pricing.reference import Reference, is_pattern

EVERY_MODEL = [(provider, model) for provider in providers for model in provider.models]
UNITS = UnitRegistry(unit_data).units
DAY = timedelta(days=1)


def theirs(model, provider, usage, instant, context):
    """What genai-prices charges, in pico-USD, rounded half-even once a meter as we do."""
    total = model.calc_price(usage, provider, genai_request_timestamp=instant, price_context=context).total_price
    prices = {key: price for key, price in vars(model.get_prices(instant, context)).items() if price is not None}
    per_meter = [(UNITS[BY_PRICE_KEY[key].usage_key], price) for key, price in prices.items()]
    counts = compute_leaf_values({unit.usage_key for unit, _ in per_meter} - {"requests"}, usage, UNITS)
    input_tokens = usage.input_tokens
    amounts = [
        calc_unit_price(price, counts.get(unit.usage_key, 1), input_tokens, unit.per) for unit, price in per_meter
    ]
    assert sum(amounts) == total  # the parts are those of the real calculation
    return sum(int((amount * 10**12).quantize(Decimal(1), ROUND_HALF_EVEN)) for amount in amounts)


def usages(rates, seed):
    """Consistent usage, reported in full: nothing, a little, and more than any tier's threshold."""
    draw = random.Random(seed)
    priced = [BY_PRICE_KEY[key] for key in rates if key != "requests_kcount"]
    payable = [meter for meter in METERS if meter in priced or any(contains(each, meter) for each in priced)]
    for size in (0, 1_000, 10_000_000):
        things = {meter: draw.randint(0, size) for meter in draw.sample(payable, min(3, len(payable)))}
        yield {
            meter.usage_key: sum(count for thing, count in things.items() if thing == meter or contains(meter, thing))
            for meter in METERS
            if meter.usage_key != "requests"
        }


def instants(model):
    """Just before and at each date that the model's prices name, and later than all."""
    conditions = [*(model.prices if isinstance(model.prices, list) else []), *(model.price_variants or [])]
    for day in sorted({each.constraint.start_date for each in conditions if each.constraint}):
        start = datetime.combine(day, datetime.min.time(), UTC)
        yield start - timedelta(microseconds=1)
        yield start
    yield datetime(2100, 1, 1, tzinfo=UTC)


def nanoseconds(instant):
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def tiers_said_by(model):
    said = {value for variant in model.price_variants or () for value in variant.when.values()}
    return [None, "default", "unheard-of", *sorted(said - {"default"})]


def compare(model, provider, pricing):
    plan = compile_pricing(pricing)
    compared = 0
    for instant in instants(model):
        for tier in tiers_said_by(model):
            context = price_context(tier)
            rates = plan.charge({}, started_ns=nanoseconds(instant), service_tier=tier).rates
            for meters in usages(rates, f"{provider.id}:{model.id}:{instant}:{tier}"):
                ours = plan.charge(meters, started_ns=nanoseconds(instant), service_tier=tier)
                expected = theirs(model, provider, Usage(**meters), instant, context)
                assert ours.cost_pico_usd == expected, (provider.id, model.id, instant, tier, meters, ours)
                compared += 1
    return compared


def test_every_model_costs_what_genai_prices_says(reference):
    compared = Counter()
    for provider, model in EVERY_MODEL:
        found = reference.find(provider.id, model.id)
        assert (found.matched_by, found.model.name) == ("id", f"{provider.id}:{model.id}")
        assert found.model.context_window == model.context_window
        if found.model.windows:
            compared["models"] += 1
            compared["charges"] += compare(model, provider, found.model.pricing)
    assert compared["models"] > 2_000
    assert compared["charges"] > 3 * compared["models"]


def test_models_without_a_price_here_are_those_that_cannot_have_one(reference):
    reasons = {}
    for provider, model in EVERY_MODEL:
        found = reference.find(provider.id, model.id).model
        if found.unpriced:
            assert found.pricing == Pricing("unpriced", (), found.name)
            reasons.setdefault(found.unpriced, []).append((provider, model))
        else:
            assert found.pricing == Pricing("inherit", found.windows, found.name)

    by_time = reasons.pop("the list price depends on the time of day")
    assert all("TimeOfDateConstraint" in repr(model.prices) for _, model in by_time)
    # Genai-prices makes these free. Some are (":free"), others are part of a subscription or no longer listed.
    without = reasons.pop("the reference data has no price")
    assert all(isinstance(model.prices, ModelPrice) and not vars(model.prices) for _, model in without)
    # Not in the data but in genai-prices' code: one second costs as much as ten.
    at_least = reasons.pop("every request is billed for at least 10 seconds")
    for provider, model in at_least:
        one, ten, twenty = (
            model.calc_price(Usage(audio_seconds=seconds, input_audio_seconds=seconds), provider).total_price
            for seconds in (1, 10, 20)
        )
        assert one == ten < twenty
    assert reasons == {}
    # A few per cent of all; a rise means that the data has learned something that we have not.
    assert len(by_time) < 20
    assert len(at_least) == 2
    assert len(without) < len(EVERY_MODEL) / 8


def test_find_by_matching_and_by_fallback(reference):
    dated = reference.find("openai", "gpt-4.1-nano-2025-04-14")
    assert (dated.matched_by, dated.model.name) == ("pattern", "openai:gpt-4.1-nano")
    assert any(window.variants for window in dated.model.windows)
    # Azure has OpenAI's list prices, but OpenAI's tiers are not Azure's: as `ModelInfo.calc_price` has it.
    azure = reference.find("azure", "gpt-4.1-nano")
    assert (azure.matched_by, azure.model.name) == ("pattern", "openai:gpt-4.1-nano")
    assert [(window.start, window.variants) for window in azure.model.windows] == [(None, {})]
    assert azure.model.windows[0].rates == dated.model.windows[0].rates


@pytest.mark.parametrize(("api", "name"), [("openai", "no-such-model"), ("openai", ""), ("vllm", "gpt-4o"), ("", "")])
def test_not_found(reference, api, name):
    assert reference.find(api, name) is None


def test_expand_and_near(reference):
    ids = reference.expand("openai", "gpt-4o*")
    assert "gpt-4o" in ids
    assert "gpt-4o-mini" in ids
    assert all(each.startswith("gpt-4o") for each in ids)
    assert list(ids) == sorted(set(ids))
    assert reference.expand("openai", "nothing-like-it*") == reference.expand("vllm", "*") == ()
    assert reference.near("openai", "GPT4.1-nano")[0] == "gpt-4.1-nano"
    assert reference.near("azure", "gpt4.1-nano")[0] == "gpt-4.1-nano"
    assert reference.near("vllm", "gpt-4o") == ()
    assert {"openai", "anthropic", "google", "azure", "groq", "aws"} <= set(reference.apis)


def test_no_id_looks_like_a_pattern():
    assert not any(is_pattern(model.id) for _, model in EVERY_MODEL)
    assert is_pattern("gpt-4o*")


def one_model(prices, variants=None):
    model = ModelInfo(id="m", match=ClauseEquals("m"), prices=prices, price_variants=variants)
    provider = Provider(id="p", name="P", api_pattern="", models=[model])
    return model, provider, Reference([provider], "0").find("p", "m").model


def price(**rates):
    return ModelPrice(**{key: rate if isinstance(rate, TieredPrices) else Decimal(rate) for key, rate in rates.items()})


def test_windows_follow_the_order_of_trial_and_not_that_of_the_dates():
    late, early = date(2026, 5, 1), date(2026, 3, 1)
    model, provider, ours = one_model(
        [
            ConditionalPrice(prices=price(input_mtok="1")),
            ConditionalPrice(StartDateConstraint(late), prices=price(input_mtok="2")),
            ConditionalPrice(StartDateConstraint(early), prices=price(input_mtok="3")),
        ]
    )
    # The last is tried first and holds from March on, so May's never does.
    assert [window.rates["input_mtok"] for window in ours.windows] == ["1", "3"]
    compare(model, provider, ours.pricing)


def test_the_first_price_holds_where_no_other_does_even_before_its_own_start():
    model, provider, ours = one_model(
        [ConditionalPrice(StartDateConstraint(date(2026, 3, 1)), prices=price(input_mtok="1.50"))]
    )
    assert [(window.start, window.rates) for window in ours.windows] == [(None, {"input_mtok": "1.5"})]
    compare(model, provider, ours.pricing)


def test_tiers_and_variants_with_their_own_dates():
    start = date(2026, 3, 1)
    tiered = TieredPrices(Decimal(1), [Tier(200, Decimal(3)), Tier(100, Decimal(2))])
    batch = {"processing": "batch"}
    model, provider, ours = one_model(
        price(input_mtok=tiered, output_mtok="9"),
        [
            PriceVariant(batch, price(input_mtok="0.5"), StartDateConstraint(start + DAY)),
            PriceVariant(batch, price(input_mtok="0.7", output_mtok="5"), StartDateConstraint(start)),
            PriceVariant({"service_tier": "default"}, price(output_mtok="9")),
        ],
    )
    tiers = (PriceTier(100, {"input_mtok": "2"}), PriceTier(200, {"input_mtok": "3"}))
    assert [window.tiers for window in ours.windows] == [tiers] * 3
    assert [window.variants for window in ours.windows] == [
        {},
        {"processing=batch": OurVariant(batch, {"input_mtok": "0.7", "output_mtok": "5"})},
        {"processing=batch": OurVariant(batch, {"input_mtok": "0.5", "output_mtok": "5"})},
    ]
    compare(model, provider, ours.pricing)


@pytest.mark.parametrize(
    ("prices", "variants", "reason"),
    [
        (
            [
                ConditionalPrice(prices=price(input_mtok="1")),
                ConditionalPrice(
                    TimeOfDateConstraint(datetime.min.time(), datetime.max.time()), prices=price(input_mtok="2")
                ),
            ],
            [],
            "the list price depends on the time of day",
        ),
        ([], [], "the reference data has no price"),
        (ModelPrice(input_moods=Decimal(1)), [], "the list price has a key that is not known here: input_moods"),
        (
            price(input_mtok="1"),
            [
                PriceVariant({"service_tier": "batch"}, price(input_mtok="2")),
                PriceVariant({"processing": "batch"}, price(input_mtok="3")),
            ],
            "several variants of the list price may hold at once",
        ),
    ],
)
def test_what_windows_cannot_say_is_said_in_words(prices, variants, reason):
    _, _, ours = one_model(prices, variants)
    assert (ours.windows, ours.unpriced) == ((), reason)
