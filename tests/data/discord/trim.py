"""Cut Discord's API description down to the operations that a chat bot for pictures may use.

python tests/data/discord/trim.py ../shared/recorded/discord/openapi.json
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPERATIONS = {
    "/applications/@me": ("get", "patch"),
    "/applications/{application_id}/commands": ("get", "put", "post"),
    "/applications/{application_id}/commands/{command_id}": ("get", "delete", "patch"),
    "/applications/{application_id}/guilds/{guild_id}/commands": ("get", "put", "post"),
    "/channels/{channel_id}": ("get",),
    "/channels/{channel_id}/messages": ("get", "post"),
    "/channels/{channel_id}/messages/{message_id}": ("get", "delete", "patch"),
    "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me": ("put", "delete"),
    "/channels/{channel_id}/typing": ("post",),
    "/gateway": ("get",),
    "/gateway/bot": ("get",),
    "/guilds/{guild_id}": ("get",),
    "/guilds/{guild_id}/members/{user_id}": ("get",),
    "/interactions/{interaction_id}/{interaction_token}/callback": ("post",),
    "/oauth2/applications/@me": ("get",),
    "/users/@me": ("get", "patch"),
    "/users/@me/channels": ("post",),
    "/users/@me/guilds": ("get",),
    "/users/{user_id}": ("get",),
    "/webhooks/{webhook_id}/{webhook_token}": ("post",),
    "/webhooks/{webhook_id}/{webhook_token}/messages/@original": ("get", "delete", "patch"),
    "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": ("get", "delete", "patch"),
}


def trimmed(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the operations listed here with all that they refer to; form-encoded twins and prose are left out."""
    paths = {}
    for path, methods in OPERATIONS.items():
        paths[path] = {method: _shortened(whole["paths"][path][method]) for method in methods}
        if "parameters" in whole["paths"][path]:
            paths[path]["parameters"] = _shortened(whole["paths"][path]["parameters"])
    components: dict[str, dict[str, Any]] = {}
    waiting = _references(paths)
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _shortened(whole["components"][kind][name])
            waiting |= _references(components[kind][name])
    ordered = {kind: dict(sorted(found.items())) for kind, found in sorted(components.items())}
    kept = {name: whole[name] for name in ("openapi", "info", "servers")}
    return {**kept, "paths": paths, "components": ordered}


def write(whole: dict[str, Any], file: Path) -> None:
    """Write it so that the same description gives the same bytes."""
    text = json.dumps(trimmed(whole), separators=(",", ":"))
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _shortened(part: Any) -> Any:
    if isinstance(part, list):
        return [_shortened(inner) for inner in part]
    if isinstance(part, dict):
        return {
            name: _shortened(inner)
            for name, inner in part.items()
            if name != "application/x-www-form-urlencoded" and not (name == "description" and isinstance(inner, str))
        }
    return part


def _references(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(_references, part)) if part else set()
    if isinstance(part, dict):
        found = set().union(*map(_references, part.values())) if part else set()
        return found | {part["$ref"]} if isinstance(part.get("$ref"), str) else found
    return set()


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), HERE / "openapi-used.json.gz")
