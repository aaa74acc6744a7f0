"""A loopback Discord: REST over HTTP, the gateway over WebSocket, and a CDN with links that run out."""

from tests.platforms.discord.double import DiscordDouble
from tests.platforms.discord.faults import Fault
from tests.platforms.discord.gateway import Gateway
from tests.platforms.discord.people import NotOffered
from tests.platforms.discord.permissions import EVERYTHING, NOTHING, ORDINARY, Permission
from tests.platforms.discord.state import MIB, Channel, File, Guild, Interaction, Message, Sticker, User

__all__ = [
    "EVERYTHING",
    "MIB",
    "NOTHING",
    "ORDINARY",
    "Channel",
    "DiscordDouble",
    "Fault",
    "File",
    "Gateway",
    "Guild",
    "Interaction",
    "Message",
    "NotOffered",
    "Permission",
    "Sticker",
    "User",
]
