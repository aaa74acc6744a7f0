"""What chat platforms need: notes on each request, people and communities left alone, results to use again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, the indexes and the tables."""
    op.add_column("requests", sa.Column("context", sa.JSON(), nullable=False, server_default="{}"))
    op.create_index("requests_conversation", "requests", ["platform", "conversation", "created"])
    op.create_index("requests_answer", "requests", ["platform", "answer_id"])
    op.create_table(
        "opt_outs",
        sa.Column("platform", sa.String(32), primary_key=True),
        sa.Column("person", sa.String(255), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "shut_outs",
        sa.Column("platform", sa.String(32), primary_key=True),
        sa.Column("community", sa.String(255), primary_key=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "known_results",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("known_results_request", "known_results", ["request_id"])


def downgrade() -> None:
    """Take them away again."""
    for table in ("known_results", "shut_outs", "opt_outs"):
        op.drop_table(table)
    op.drop_index("requests_answer", "requests")
    op.drop_index("requests_conversation", "requests")
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("context")
