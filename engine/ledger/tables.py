"""The ledger's tables. What creates and changes them are the migrations; a test holds both to the same shape.

Times are nanoseconds since the Unix epoch, money is pico-USD, maps are JSON text. A column that is null is unknown.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, text

# The newest migration; a database at this revision needs none.
SCHEMA_REVISION = "0001"

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


attempts = Table(
    "attempts",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    _text("state"),
    Column("started_ns", BigInteger, nullable=False),
    _text("client_request_id"),
    _text("upstream_request_id"),
    _text("key"),
    _text("owner"),
    _text("labels"),
    _text("model_asked"),
    _text("model"),
    _text("provider"),
    _text("api"),
    _text("wire"),
    _text("base_model"),
    _text("upstream_model"),
    _text("revision"),
    _text("blob"),
    _text("rates"),
    _text("service_tier"),
    _text("meters"),
    # Two of the meters again, because they are summed.
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("raw_usage", Text),
    Column("cost_pico_usd", BigInteger),
    Column("list_cost_pico_usd", BigInteger),
    _text("cost_source"),
    Column("stream", Boolean, nullable=False),
    Column("first_byte_us", BigInteger),
    Column("duration_us", BigInteger),
    Column("status", Integer, nullable=False),
    Column("client_status", Integer, nullable=False),
    _text("error_code"),
    Column("retries", Integer, nullable=False),
    _text("trace_id"),
    _text("metadata"),
    _text("worker"),
    _text("cut"),
    # The spool file that it was read from: whose end makes an open attempt an orphan.
    _text("segment"),
    Index("attempts_started", "started_ns"),
    Index("attempts_open", "segment", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

spool_segments = Table(
    "spool_segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("committed_bytes", BigInteger, nullable=False),
)
