# ruff: noqa: T201 - a script, it prints
"""Microseconds per charge and per compiled pricing: `python tests/benchmarks/bench_cost.py`."""

from functools import partial
from timeit import repeat

from engine.model import PriceWindow, Pricing
from engine.pricing.cost import compile_pricing
from engine.pricing.reference import load

CALLS, ROUNDS = 50_000, 7
CHAT = Pricing("own", (PriceWindow({"input_mtok": "0.20", "cache_read_mtok": "0.05", "output_mtok": "0.80"}),))
CASES = {
    "2 meters": {"input_tokens": 1_200, "output_tokens": 340},
    "3 meters": {"input_tokens": 1_200, "cache_read_tokens": 1_024, "output_tokens": 340},
    "5 meters": {
        "input_tokens": 1_200,
        "cache_read_tokens": 1_024,
        "cache_write_tokens": 100,
        "output_tokens": 340,
        "output_reasoning_tokens": 200,
    },
}


def best(action, calls=CALLS):
    """The quickest of several rounds, in microseconds a call."""
    return min(repeat(action, number=calls, repeat=ROUNDS)) / calls * 1e6


def main():
    """Prints one line a case."""
    listed = load().find("anthropic", "claude-sonnet-4-5").model.pricing
    for title, pricing in (("one window", CHAT), ("windows, tiers, variants", listed)):
        charge = partial(compile_pricing(pricing).charge, started_ns=1_800_000_000_000_000_000, service_tier="default")
        for name, meters in CASES.items():
            print(f"charge   {title:25} {name}  {best(partial(charge, meters)):6.2f} us")
        print(f"compile  {title:25}           {best(partial(compile_pricing, pricing), 200):6.0f} us")


if __name__ == "__main__":
    main()
