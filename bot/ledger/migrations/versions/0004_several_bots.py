"""Several bots on one ledger: which of them are alive, and whose each request is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; what is unfinished belongs to nobody until a bot adopts it."""
    op.create_table(
        "bots",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("joined", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("requests", sa.Column("owner", sa.String(64)))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("requests") as requests:
        requests.drop_column("owner")
    op.drop_table("bots")
