"""The ledger's schema, one step a file; alembic applies what a database lacks when the bot starts."""
