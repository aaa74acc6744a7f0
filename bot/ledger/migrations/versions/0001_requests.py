"""The table of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its indexes."""
    op.create_table(
        "requests",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("conversation", sa.String(255), nullable=False),
        sa.Column("requester", sa.String(255), nullable=False),
        sa.Column("community", sa.String(255)),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("results", sa.JSON()),
        sa.Column("left_out", sa.JSON()),
        sa.Column("model", sa.String(255)),
        sa.Column("refusal_reason", sa.String(64)),
        sa.Column("refusal_message", sa.Text()),
        sa.Column("answer_id", sa.String(255)),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("platform", "message_id", name="requests_message"),
    )
    op.create_index("requests_state", "requests", ["state"])
    op.create_index("requests_requester", "requests", ["platform", "requester", "created"])
    op.create_index("requests_community", "requests", ["platform", "community", "created"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("requests")
