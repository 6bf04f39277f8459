"""The first tables: attempts, and how far each spool file has been read."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "attempts",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("client_request_id", sa.Text, nullable=False),
        sa.Column("upstream_request_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("model_asked", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("api", sa.Text, nullable=False),
        sa.Column("wire", sa.Text, nullable=False),
        sa.Column("base_model", sa.Text, nullable=False),
        sa.Column("upstream_model", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("blob", sa.Text, nullable=False),
        sa.Column("rates", sa.Text, nullable=False),
        sa.Column("service_tier", sa.Text, nullable=False),
        sa.Column("meters", sa.Text, nullable=False),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("raw_usage", sa.Text),
        sa.Column("cost_pico_usd", sa.BigInteger),
        sa.Column("list_cost_pico_usd", sa.BigInteger),
        sa.Column("cost_source", sa.Text, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("first_byte_us", sa.BigInteger),
        sa.Column("duration_us", sa.BigInteger),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("client_status", sa.Integer, nullable=False),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("retries", sa.Integer, nullable=False),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("cut", sa.Text, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
    )
    op.create_index("attempts_started", "attempts", ["started_ns"])
    still_open = sa.text("state = 'open'")
    op.create_index("attempts_open", "attempts", ["segment"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "spool_segments",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("committed_bytes", sa.BigInteger, nullable=False),
    )
