"""Channels and their messages over REST.

Source: https://discord.com/developers/docs/resources/message
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from tests.platforms.discord import errors
from tests.platforms.discord.journal import Call
from tests.platforms.discord.permissions import Permission
from tests.platforms.discord.posting import Draft, fill, read_draft
from tests.platforms.discord.rendering import channel_document
from tests.platforms.discord.routing import Answer, Route, whole_body
from tests.platforms.discord.state import DM, REPLY, THREAD, Channel, Message
from tests.platforms.discord.world import World


class Channels:
    """What the bot may do with messages as itself."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        messages = "/channels/{channel}/messages"
        return [
            Route("GET", "/channels/{channel}", self.channel),
            Route("GET", messages, self.history),
            Route("POST", messages, self.create),
            Route("GET", messages + "/{message}", self.message),
            Route("PATCH", messages + "/{message}", self.edit),
            Route("DELETE", messages + "/{message}", self.delete),
            Route("PUT", messages + "/{message}/reactions/{emoji}/@me", self.react),
            Route("DELETE", messages + "/{message}/reactions/{emoji}/@me", self.unreact),
            Route("POST", "/channels/{channel}/typing", self.typing),
            Route("POST", "/users/@me/channels", self.open_direct),
        ]

    def channel(self, call: Call, channel_id: str) -> Answer:
        return 200, channel_document(self._world.channel_for_bot(int(channel_id)))

    def history(self, call: Call, channel_id: str) -> Answer:
        channel = self._world.channel_for_bot(int(channel_id))
        if not channel.allows(self._world.bot) & Permission.READ_MESSAGE_HISTORY:
            return 200, []  # no error: the channel merely looks empty
        limit = int(call.query.get("limit", 50))
        newest_first = sorted(_lasting(channel), key=lambda message: message.id, reverse=True)
        if "before" in call.query:
            newest_first = [message for message in newest_first if message.id < int(call.query["before"])]
        elif "after" in call.query:
            after = [message for message in newest_first if message.id > int(call.query["after"])]
            newest_first = after[-limit:]
        elif "around" in call.query:
            middle = int(call.query["around"])
            near = sorted(newest_first, key=lambda message: abs(message.id - middle))[:limit]
            newest_first = [message for message in newest_first if message in near]
        return 200, [self._shown(message) for message in newest_first[:limit]]

    def message(self, call: Call, channel_id: str, message_id: str) -> Answer:
        return 200, self._shown(self._find(channel_id, message_id, Permission.READ_MESSAGE_HISTORY))

    def create(self, call: Call, channel_id: str) -> Answer:
        body = whole_body(call)
        channel = self._world.channel_for_bot(int(channel_id))
        if channel.kind == DM and any(user.closed_to_bots for user in channel.recipients):
            raise errors.closed_to_messages()
        _need(channel, self._world, *_needed(channel, call))
        draft = read_draft(body, call, channel.filesize_limit)
        if draft.empty and not body.get("sticker_ids"):
            raise errors.empty_message()
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            known = self._by_nonce(channel, nonce)
            if known is not None:
                return 200, self._shown(known)
        message = self._make(channel, draft, body)
        if nonce is not None:
            message.nonce = nonce
            self._world.nonces[channel.id, str(nonce)] = (time.monotonic(), message)
        self._world.add(message)
        return 200, self._shown(message)

    def edit(self, call: Call, channel_id: str, message_id: str) -> Answer:
        message = self._find(channel_id, message_id)
        if message.author is not self._world.bot:
            raise errors.not_the_author()
        draft = read_draft(whole_body(call), call, message.channel.filesize_limit)
        change(self._world, message, draft)
        return 200, self._shown(message)

    def delete(self, call: Call, channel_id: str, message_id: str) -> Answer:
        message = self._find(channel_id, message_id)
        if message.author is not self._world.bot:
            _need(message.channel, self._world, Permission.MANAGE_MESSAGES)
        self._world.remove(message)
        return 204, None

    def react(self, call: Call, channel_id: str, message_id: str, emoji: str) -> Answer:
        message = self._find(channel_id, message_id, Permission.READ_MESSAGE_HISTORY)
        _need(message.channel, self._world, Permission.ADD_REACTIONS)
        message.reactions.add(unquote(emoji))
        return 204, None

    def unreact(self, call: Call, channel_id: str, message_id: str, emoji: str) -> Answer:
        self._find(channel_id, message_id).reactions.discard(unquote(emoji))
        return 204, None

    def typing(self, call: Call, channel_id: str) -> Answer:
        channel = self._world.channel_for_bot(int(channel_id))
        _need(channel, self._world, Permission.SEND_MESSAGES)
        return 204, None

    def open_direct(self, call: Call) -> Answer:
        user = self._world.users.get(int(whole_body(call).get("recipient_id") or 0))
        if user is None or user.bot:
            raise errors.unknown_user()
        return 200, channel_document(self._world.direct_channel(user))

    def _find(self, channel_id: str, message_id: str, *needed: Permission) -> Message:
        channel = self._world.channel_for_bot(int(channel_id), *needed)
        message = channel.messages.get(int(message_id))
        if message is None or message.ephemeral:
            raise errors.unknown_message()
        return message

    def _shown(self, message: Message) -> dict[str, Any]:
        return self._world.renderer.message(message, readable=self._world.rules.message_content)

    def _by_nonce(self, channel: Channel, nonce: str | int) -> Message | None:
        known = self._world.nonces.get((channel.id, str(nonce)))
        if known is None or time.monotonic() - known[0] > self._world.rules.nonce_seconds:
            return None
        return known[1] if known[1].id in channel.messages else None

    def _make(self, channel: Channel, draft: Draft, body: dict[str, Any]) -> Message:
        message = Message(self._world.snowflakes.new(), channel, self._world.bot)
        reference = body.get("message_reference")
        if reference:
            original = self._referenced(channel, reference)
            if original is not None:
                message.reply_to, message.replied, message.kind = original, True, REPLY
        fill(self._world, message, draft)
        return message

    def _referenced(self, channel: Channel, reference: dict[str, Any]) -> Message | None:
        if not channel.allows(self._world.bot) & Permission.READ_MESSAGE_HISTORY:
            raise errors.reply_needs_history()
        original = channel.messages.get(int(reference["message_id"]))
        if original is None and reference.get("fail_if_not_exists", True):
            raise errors.invalid_form(
                "message_reference", code="MESSAGE_REFERENCE_UNKNOWN_MESSAGE", message="Unknown message"
            )
        return original


def change(world: World, message: Message, draft: Draft) -> None:
    """Edit a message of the bot, and tell everybody."""
    message.revisions.append(message.content)
    fill(world, message, draft)
    message.edited = datetime.now(UTC)
    world.message_event("MESSAGE_UPDATE", message)


def _lasting(channel: Channel) -> list[Message]:
    return [message for message in channel.messages.values() if not message.ephemeral]


def _needed(channel: Channel, call: Call) -> list[Permission]:
    needed = [Permission.SEND_MESSAGES_IN_THREADS if channel.kind == THREAD else Permission.SEND_MESSAGES]
    if call.files:
        needed.append(Permission.ATTACH_FILES)
    return needed


def _need(channel: Channel, world: World, *permissions: Permission) -> None:
    allowed = channel.allows(world.bot)
    if not all(allowed & permission for permission in permissions):
        raise errors.missing_permissions()
