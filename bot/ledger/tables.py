"""The ledger's tables, as they are now; `migrations` tells how it came to be."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC and given back with its time zone, which SQLite would forget."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn the moment to UTC on its way in."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say on its way out that the moment is in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def _json() -> JSON:
    return JSON(none_as_null=True)


requests = Table(
    "requests",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("conversation", String(255), nullable=False),
    Column("requester", String(255), nullable=False),
    Column("community", String(255)),
    Column("images", _json(), nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("options", _json(), nullable=False),
    Column("context", _json(), nullable=False, server_default="{}"),
    Column("created", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("results", _json()),
    Column("left_out", _json()),
    Column("model", String(255)),
    Column("refusal_reason", String(64)),
    Column("refusal_message", Text),
    Column("answer_id", String(255)),
    Column("finished", UtcDateTime),
    Column("expired", UtcDateTime),
    Column("owner", String(64)),
    UniqueConstraint("platform", "message_id", name="requests_message"),
    Index("requests_state", "state"),
    Index("requests_requester", "platform", "requester", "created"),
    Index("requests_community", "platform", "community", "created"),
    Index("requests_conversation", "platform", "conversation", "created"),
    Index("requests_answer", "platform", "answer_id"),
    Index("requests_finished", "platform", "finished"),
    Index("requests_expired", "platform", "expired", "finished"),
)

bots = Table(
    "bots",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("joined", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("person", String(255), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

shut_outs = Table(
    "shut_outs",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("community", String(255), primary_key=True),
    Column("why", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

known_results = Table(
    "known_results",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("request_id", String(64), nullable=False),
    Column("result", _json(), nullable=False),
    Column("model", String(255), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Index("known_results_request", "request_id"),
)
