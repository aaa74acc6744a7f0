"""What the bot may do in a channel: roles, then overwrites, as Discord computes them.

Source: https://discord.com/developers/docs/topics/permissions
"""

from __future__ import annotations

from enum import IntFlag


class Permission(IntFlag):
    """The permissions that matter to a bot that posts pictures."""

    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    SEND_MESSAGES_IN_THREADS = 1 << 38


ORDINARY = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.SEND_MESSAGES_IN_THREADS
)
EVERYTHING = ORDINARY | Permission.MANAGE_MESSAGES
NOTHING = Permission(0)
