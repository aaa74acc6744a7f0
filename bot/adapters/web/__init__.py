"""The bot's own page: a chat in the browser, and the HTTP API under it.

Who asks
    A person is whoever holds the owner cookie: 256 random bits, of which the ledger only keeps a hash. A program that
    keeps no cookies gets a bearer token with each request instead, good for that request alone.
Who may look
    A request's id has 128 random bits and works like a key: whoever has it may see the result, so that a result can be
    shared. Only its owner may delete it or ask for it again. Others get a 403 there, not a 404: having the id, they
    see the request anyway.
"""

from bot.adapters.web.adapter import WebAdapter

__all__ = ["WebAdapter"]
