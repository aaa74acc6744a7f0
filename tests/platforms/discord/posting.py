"""From the body of a request to a message: what Discord checks, keeps and turns away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.platforms.discord import errors
from tests.platforms.discord.journal import Call
from tests.platforms.discord.state import Attachment, File, Message, User, measured
from tests.platforms.discord.world import World

COMPONENTS_V2 = 1 << 15
MAX_CONTENT = 2000
_MENTION = re.compile(r"<@!?(\d+)>")
_SETTABLE_FLAGS = 1 << 2 | 1 << 6 | 1 << 12 | COMPONENTS_V2


@dataclass
class Draft:
    """What somebody wants a message to say; ``None`` leaves a part of an edited message as it is."""

    content: str | None
    embeds: list[dict[str, Any]] | None
    components: list[dict[str, Any]] | None
    kept: list[dict[str, Any]] | None
    """The attachments that an edit leaves in place, as they were named."""
    new: list[tuple[File, str | None]]
    """New files with their descriptions."""
    allowed_mentions: dict[str, Any] | None
    flags: int

    @property
    def empty(self) -> bool:
        return not (self.content or self.embeds or self.components or self.new)


def read_draft(body: dict[str, Any], call: Call, limit: int) -> Draft:
    """Check a message's body; ``limit`` is the size of all files together, in bytes."""
    content = body.get("content")
    if content is not None and len(content) > MAX_CONTENT:
        raise errors.invalid_form("content", code="BASE_TYPE_MAX_LENGTH", message="Must be 2000 or fewer in length.")
    components = body.get("components", [] if "components" in body else None)
    flags = (body.get("flags") or 0) & _SETTABLE_FLAGS
    _check_components(components or [], flags, body)
    _check_mentions(body.get("allowed_mentions"))
    kept, new = _files(body, call)
    if sum(len(file.data) for file in call.files.values()) > limit:
        raise errors.too_large()
    return Draft(
        content=(content or "") if "content" in body else None,
        embeds=_rich(body.get("embeds")) if "embeds" in body else None,
        components=_numbered(components or []) if "components" in body else None,
        kept=kept,
        new=new,
        allowed_mentions=body.get("allowed_mentions"),
        flags=flags,
    )


def fill(world: World, message: Message, draft: Draft) -> None:
    """Make a message say what the draft says, as a new one or as an edit."""
    if draft.content is not None:
        message.content = draft.content
    if draft.embeds is not None:
        message.embeds = draft.embeds
    if draft.components is not None:
        message.components = draft.components
    if draft.kept is not None:
        named = {int(kept["id"]): kept for kept in draft.kept}
        for attachment in message.attachments:
            if attachment.id not in named:
                world.cdn.forget(attachment)
        message.attachments = [attachment for attachment in message.attachments if attachment.id in named]
    for file, description in draft.new:
        message.attachments.append(make_attachment(world, file, message.channel.id, description, message.ephemeral))
    message.flags |= draft.flags
    message.mentions = message.pinged = _pinged(world, message, draft.allowed_mentions)


def make_attachment(
    world: World, file: File, channel_id: int, description: str | None = None, ephemeral: bool = False
) -> Attachment:
    """Put a file on the CDN. As Discord does, look into it for its type and size."""
    size, kind = measured(file.data)
    name = re.sub(r"[^\w.\-]+", "_", file.name)
    attachment = Attachment(
        id=world.snowflakes.new(),
        filename=name,
        data=file.data,
        channel_id=channel_id,
        content_type=file.content_type or kind,
        description=description,
        ephemeral=ephemeral,
        size=size,
    )
    world.cdn.keep(attachment)
    return attachment


def mentioned(world: World, text: str) -> tuple[User, ...]:
    """Return whom a text mentions."""
    found = [world.users.get(int(user)) for user in _MENTION.findall(text)]
    return tuple(dict.fromkeys(user for user in found if user is not None))


def _pinged(world: World, message: Message, allowed: dict[str, Any] | None) -> tuple[User, ...]:
    named = mentioned(world, message.content)
    if allowed is None:
        pinged, replied = list(named), True
    else:
        everybody = "users" in (allowed.get("parse") or [])
        chosen = {int(user) for user in allowed.get("users") or []}
        pinged = [user for user in named if everybody or user.id in chosen]
        replied = bool(allowed.get("replied_user"))
    if replied and message.reply_to is not None:
        pinged.append(message.reply_to.author)
    return tuple(dict.fromkeys(pinged))


def _files(body: dict[str, Any], call: Call) -> tuple[list[dict[str, Any]] | None, list[tuple[File, str | None]]]:
    named = body.get("attachments")
    new: dict[int, tuple[File, str | None]] = {number: (file, None) for number, file in sorted(call.files.items())}
    if named is None:
        return None, list(new.values())
    kept = []
    for place, wanted in enumerate(named):
        number = int(wanted["id"])
        if number in call.files:
            file = call.files[number]
            new[number] = (File(wanted.get("filename") or file.name, file.data), wanted.get("description"))
        elif number < 100:
            raise errors.invalid_form(
                "attachments", place, code="ATTACHMENT_NOT_FOUND", message="Attachment data not found"
            )
        else:
            kept.append(wanted)
    return kept, list(new.values())


def _check_mentions(allowed: dict[str, Any] | None) -> None:
    if allowed and "users" in (allowed.get("parse") or []) and allowed.get("users"):
        raise errors.invalid_form(
            "allowed_mentions",
            code="MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
            message='parse:["users"] and users: [ids...] are mutually exclusive.',
        )


def _check_components(components: list[dict[str, Any]], flags: int, body: dict[str, Any]) -> None:
    if flags & COMPONENTS_V2 and (body.get("content") or body.get("embeds")):
        raise errors.invalid_form(
            "content",
            code="MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            message="The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    seen: set[str] = set()

    def check(component: dict[str, Any], *path: str | int) -> None:
        custom_id = component.get("custom_id")
        if custom_id is not None and custom_id in seen:
            raise errors.invalid_form(
                *path,
                "custom_id",
                code="COMPONENT_CUSTOM_ID_DUPLICATED",
                message="Component custom id cannot be duplicated",
            )
        seen.add(custom_id or "")
        seen.discard("")
        for place, inner in enumerate(component.get("components", [])):
            check(inner, *path, "components", place)

    for place, component in enumerate(components):
        check(component, "components", place)


def _numbered(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each component the number that Discord gives it."""
    count = 0

    def number(component: dict[str, Any]) -> dict[str, Any]:
        nonlocal count
        count += 1
        numbered = {name: value for name, value in component.items() if value is not None}
        numbered["id"] = component.get("id") or count
        if "components" in component:
            numbered["components"] = [number(inner) for inner in component["components"]]
        if component.get("accessory"):
            numbered["accessory"] = number(component["accessory"])
        return numbered

    return [number(component) for component in components]


def _rich(embeds: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [{**embed, "type": "rich"} for embed in embeds or []]
