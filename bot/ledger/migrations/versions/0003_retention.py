"""What is kept for a while only: when a request's photos were deleted for their age."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the indexes that find what is due."""
    op.add_column("requests", sa.Column("expired", sa.DateTime(timezone=True)))
    op.create_index("requests_finished", "requests", ["platform", "finished"])
    op.create_index("requests_expired", "requests", ["platform", "expired", "finished"])


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("requests_expired", "requests")
    op.drop_index("requests_finished", "requests")
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("expired")
