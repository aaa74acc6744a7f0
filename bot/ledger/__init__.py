"""The memory of the bot: every request, where it stands, what was decided, and the id of the answer."""

from bot.ledger.etiquette import Etiquette
from bot.ledger.known_results import KnownResults
from bot.ledger.ledger import Ledger
from bot.ledger.opening import open_ledger
from bot.ledger.outage import LedgerAway, patiently
from bot.ledger.retention import Retention

__all__ = ["Etiquette", "KnownResults", "Ledger", "LedgerAway", "Retention", "open_ledger", "patiently"]
