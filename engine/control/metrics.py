"""Metrics of one host, as Prometheus reads them. What a worker knows comes with its heartbeat; no files are shared."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.control.bookkeeper import Bookkeeper
from engine.control.publisher import Publisher
from engine.control.workers import Workers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _State(Collector):
    """Reads the state at each scrape, so that there is nothing to keep up to date."""

    def __init__(self, publisher: Publisher, bookkeeper: Bookkeeper, workers: Workers) -> None:
        self._publisher = publisher
        self._bookkeeper = bookkeeper
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        yield from self._catalog()
        yield from self._requests()
        ledger = self._bookkeeper.status
        yield _gauge("catalog_ledger_writable", "1 while the ledger's store takes records.", ledger.writable)
        yield _counter("catalog_ledger_records", "Records booked since control began.", ledger.records)

    def _catalog(self) -> Iterable[Metric]:
        last, served = self._publisher.last, self._publisher.served
        yield _gauge(
            "catalog_last_reload_successful",
            "1 if what is served is what the source says, 0 while the last good catalog stays in force.",
            last is not None and last.held,
        )
        good = self._publisher.last_good_ns
        yield _gauge(
            "catalog_last_reload_success_timestamp_seconds",
            "When the source was last found sound.",
            good / 1e9 if good else 0,
        )
        yield _gauge("catalog_published_seq", "Grows by one with every publication.", served.seq if served else 0)
        info = GaugeMetricFamily("catalog_info", "The commit that is published.", labels=["revision"])
        if served:
            info.add_metric([served.revision], 1)
        yield info

    def _requests(self) -> Iterable[Metric]:
        workers = self._workers
        yield _counter("catalog_requests", "Requests taken by the workers.", workers.requests)
        refusals = CounterMetricFamily("catalog_refusals", "Requests that ended in an error reply.", labels=["code"])
        for code, count in sorted(workers.refusals.items()):
            refusals.add_metric([code], count)
        yield refusals
        yield _counter("catalog_unrecorded_calls", "Calls made without a record, as allowed.", workers.unrecorded)
        in_flight = GaugeMetricFamily("catalog_calls_in_flight", "Calls to upstreams now.", labels=["worker"])
        lag = GaugeMetricFamily("catalog_loop_lag_seconds", "How late the event loop was.", labels=["worker"])
        seq = GaugeMetricFamily("catalog_served_seq", "Which publication a worker serves.", labels=["worker"])
        writable = GaugeMetricFamily("catalog_spool_writable", "1 while calls are put on record.", labels=["worker"])
        for beat in workers.alive:
            writable.add_metric([beat.worker], beat.ledger_writable)
            in_flight.add_metric([beat.worker], beat.in_flight)
            lag.add_metric([beat.worker], beat.loop_lag_us / 1e6)
            seq.add_metric([beat.worker], beat.seq)
        yield from (in_flight, lag, seq, writable)


class Metrics:
    """The registry of one control process."""

    def __init__(self, publisher: Publisher, bookkeeper: Bookkeeper, workers: Workers) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_State(publisher, bookkeeper, workers))

    def render(self) -> bytes:
        """The exposition of all metrics."""
        return generate_latest(self._registry)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
