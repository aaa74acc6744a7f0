"""A Reddit that says no more than it has to: programs mustn't lean on what they don't need."""

from __future__ import annotations

import json
from typing import Any

_KEPT = {
    "t1": {
        *("id", "name", "body", "author", "subreddit", "link_id", "parent_id", "created_utc", "permalink", "replies"),
        *("context", "type", "new", "was_comment", "subject", "dest", "media_metadata"),
    },
    "t3": {
        *("id", "name", "title", "author", "subreddit", "created_utc", "permalink", "url", "is_self", "selftext"),
        *("over_18", "spoiler", "is_gallery", "gallery_data", "media_metadata", "preview", "is_video", "media"),
        *("crosspost_parent_list",),
    },
    "t4": {"id", "name", "body", "author", "subject", "dest", "created_utc", "new", "was_comment", "parent_id"},
    "t5": {"id", "name", "display_name", "over18", "allowed_media_in_comments", "subreddit_type"},
    "Listing": {"children", "after"},
}


def sparse(body: bytes) -> bytes:
    """Return an answer with the least that each thing in it can have."""
    return json.dumps(_pruned(json.loads(body))).encode()


def _pruned(value: Any) -> Any:
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    if (kept := _KEPT.get(str(value.get("kind")))) is not None and isinstance(value.get("data"), dict):
        data = {key: _pruned(item) for key, item in value["data"].items() if key in kept}
        return {"kind": value["kind"], "data": data}
    return {key: _pruned(item) for key, item in value.items()}
