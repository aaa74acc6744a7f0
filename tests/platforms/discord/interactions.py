"""Answering interactions: the callback, and the messages behind the interaction's token.

Source: https://discord.com/developers/docs/interactions/receiving-and-responding
"""

from __future__ import annotations

import time
from typing import Any

from tests.platforms.discord import errors
from tests.platforms.discord.channels import change
from tests.platforms.discord.journal import Call
from tests.platforms.discord.posting import Draft, fill, read_draft
from tests.platforms.discord.routing import Answer, Route, whole_body
from tests.platforms.discord.state import EPHEMERAL, LOADING, MENU_ANSWER, REPLY, SLASH_ANSWER, Interaction, Message
from tests.platforms.discord.world import World

_PONG, _MESSAGE, _DEFERRED, _DEFERRED_UPDATE, _UPDATE, _AUTOCOMPLETE, _MODAL = 1, 4, 5, 6, 7, 8, 9
_FOLLOW_UPS_OF_USER_INSTALLS = 5


class Interactions:
    """What the bot may do with an interaction that it got."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        hook = "/webhooks/{application}/{token}"
        return [
            Route("POST", "/interactions/{interaction}/{token}/callback", self.callback, by_token=True),
            Route("POST", hook, self.follow_up, by_token=True),
            Route("GET", hook + "/messages/{message}", self.message, by_token=True),
            Route("PATCH", hook + "/messages/{message}", self.edit, by_token=True),
            Route("DELETE", hook + "/messages/{message}", self.delete, by_token=True),
        ]

    def callback(self, call: Call, interaction_id: str, token: str) -> Answer:
        interaction = self._world.interactions.get(token)
        if interaction is None or str(interaction.id) != interaction_id:
            raise errors.unknown_interaction()
        if interaction.callback is not None:
            raise errors.already_acknowledged()
        waited = call.began - interaction.began
        if waited > self._world.rules.acknowledge_seconds:
            raise errors.unknown_interaction()
        body = whole_body(call)
        kind = body["type"]
        if kind in (_DEFERRED_UPDATE, _UPDATE) and interaction.kind != 3:
            raise errors.invalid_form("type", code="BASE_TYPE_CHOICES", message="Value must be one of {4, 5, 9}.")
        self._respond(interaction, kind, body.get("data") or {}, call)
        interaction.acknowledged, interaction.callback = waited, kind
        if call.query.get("with_response", "false").lower() not in ("true", "1"):
            return 204, None
        return 200, self._receipt(interaction)

    def follow_up(self, call: Call, application_id: str, token: str) -> Answer:
        interaction = self._usable(application_id, token)
        body = whole_body(call)
        draft = self._draft(interaction, body, call)
        original = interaction.original
        if original is not None and original.loading and interaction.callback == _DEFERRED:
            # The first follow-up takes the place of "thinking"; who may see it was settled by the callback.
            message = self._finish(original, draft)
        else:
            message = self._post_follow_up(interaction, draft, body)
        return 200, self._shown(message)

    def message(self, call: Call, application_id: str, token: str, message_id: str) -> Answer:
        return 200, self._shown(self._find(application_id, token, message_id))

    def edit(self, call: Call, application_id: str, token: str, message_id: str) -> Answer:
        message = self._find(application_id, token, message_id)
        draft = self._draft(self._world.interactions[token], whole_body(call), call)
        return 200, self._shown(self._finish(message, draft))

    def delete(self, call: Call, application_id: str, token: str, message_id: str) -> Answer:
        self._world.remove(self._find(application_id, token, message_id))
        return 204, None

    def _respond(self, interaction: Interaction, kind: int, data: dict[str, Any], call: Call) -> None:
        if kind in (_MESSAGE, _DEFERRED):
            draft = self._draft(interaction, data, call)
            if kind == _MESSAGE and draft.empty:
                raise errors.empty_message()
            self._post_original(interaction, draft, data, loading=kind == _DEFERRED)
        elif kind in (_DEFERRED_UPDATE, _UPDATE):
            interaction.original = interaction.message
            if kind == _UPDATE and interaction.message is not None:
                self._finish(interaction.message, self._draft(interaction, data, call))

    def _post_original(self, interaction: Interaction, draft: Draft, data: dict[str, Any], *, loading: bool) -> None:
        kinds = {2: MENU_ANSWER if interaction.data.get("type") == 3 else SLASH_ANSWER, 3: REPLY}
        message = self._new(interaction, data, kinds.get(interaction.kind, 0))
        if loading:
            message.flags |= LOADING
        if interaction.kind == 3 or interaction.data.get("type") == 3:
            message.reply_to, message.replied = interaction.message, interaction.message is not None
        interaction.original = message
        fill(self._world, message, draft)
        self._world.add(message)

    def _post_follow_up(self, interaction: Interaction, draft: Draft, body: dict[str, Any]) -> Message:
        if draft.empty:
            raise errors.empty_message()
        if interaction.user_installed and len(interaction.follow_ups) >= _FOLLOW_UPS_OF_USER_INSTALLS:
            raise errors.too_many_follow_ups()
        message = self._new(interaction, body, REPLY)
        message.reply_to, message.replied = interaction.original, interaction.original is not None
        fill(self._world, message, draft)
        interaction.follow_ups.append(message)
        self._world.add(message)
        return message

    def _new(self, interaction: Interaction, body: dict[str, Any], kind: int) -> Message:
        message = Message(self._world.snowflakes.new(), interaction.channel, self._world.bot, kind=kind)
        message.flags = (body.get("flags") or 0) & EPHEMERAL
        message.interaction = interaction
        return message

    def _finish(self, message: Message, draft: Draft) -> Message:
        if message.loading and draft.empty:
            raise errors.empty_message()
        message.flags &= ~LOADING
        change(self._world, message, draft)
        return message

    def _usable(self, application_id: str, token: str) -> Interaction:
        interaction = self._world.interactions.get(token)
        if interaction is None or application_id != str(self._world.bot.id):
            raise errors.unknown_webhook()
        if interaction.ended or time.monotonic() - interaction.began > self._world.rules.token_seconds:
            raise errors.invalid_webhook_token()
        if interaction.callback is None:
            raise errors.unknown_webhook()
        return interaction

    def _find(self, application_id: str, token: str, message_id: str) -> Message:
        interaction = self._usable(application_id, token)
        if message_id == "@original":
            message = interaction.original
        else:
            own = [interaction.original, *interaction.follow_ups]
            message = next((known for known in own if known is not None and str(known.id) == message_id), None)
        if message is None or message.id not in message.channel.messages:
            raise errors.unknown_message()
        return message

    def _draft(self, interaction: Interaction, body: dict[str, Any], call: Call) -> Draft:
        return read_draft(body, call, self.filesize_limit(interaction))

    def filesize_limit(self, interaction: Interaction) -> int:
        """Return what the interaction says in ``attachment_size_limit``, in bytes."""
        return max(interaction.channel.filesize_limit, self._world.rules.user_filesize_limit)

    def _receipt(self, interaction: Interaction) -> dict[str, Any]:
        receipt: dict[str, Any] = {"id": str(interaction.id), "type": interaction.kind}
        answer: dict[str, Any] = {"interaction": receipt}
        if interaction.callback in (_MESSAGE, _DEFERRED) and interaction.original is not None:
            receipt |= {
                "response_message_id": str(interaction.original.id),
                "response_message_loading": interaction.original.loading,
                "response_message_ephemeral": interaction.original.ephemeral,
            }
            answer["resource"] = {"type": _MESSAGE, "message": self._shown(interaction.original)}
        elif interaction.callback in (_DEFERRED_UPDATE, _UPDATE) and interaction.message is not None:
            receipt["response_message_id"] = str(interaction.message.id)
            if interaction.callback == _UPDATE:
                answer["resource"] = {"type": _UPDATE, "message": self._shown(interaction.message)}
        return answer

    def _shown(self, message: Message) -> dict[str, Any]:
        return self._world.renderer.message(message, readable=True)
