"""A load test that any operator can point at a bot of their own."""

from bot.load.crowd import crowd
from bot.load.photos import photos_in, varied
from bot.load.report import Report
from bot.load.visitor import NoBot, Visitor

__all__ = ["NoBot", "Report", "Visitor", "crowd", "photos_in", "varied"]
