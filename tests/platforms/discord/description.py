"""Discord's own description of its API, as the judge of every request and answer."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

TRIMMED = Path(__file__).parents[2] / "data" / "discord" / "openapi-used.json.gz"
_ADDRESS = "urn:discord"


class Description:
    """The operations of an OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        schemas = document["components"]["schemas"]
        # Discord takes ids as numbers too, as discord.py writes the places of new files.
        schemas["SnowflakeType"] = {"anyOf": [schemas["SnowflakeType"], {"type": "integer", "minimum": 0}]}
        self._registry: Registry[Any] = Registry().with_resource(
            _ADDRESS, Resource(contents=document, specification=DRAFT202012)
        )
        # Fixed words go before places: /messages/@original is not /messages/{message_id}.
        self._paths = sorted(
            ((re.compile(_pattern(path) + "$"), path) for path in document["paths"]),
            key=lambda known: known[1].count("{"),
        )
        self._validator = cache(self._make_validator)

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        """Return the described path and operation for a request; ``path`` starts after ``/api/v10``."""
        for pattern, described in self._paths:
            operation = self.document["paths"][described].get(method.lower())
            if operation is not None and pattern.match(path):
                return described, operation
        return None

    def request_faults(
        self, method: str, path: str, query: dict[str, str], body: Any, media_type: str | None
    ) -> list[str]:
        """Return what is wrong with a request; ``body`` is the JSON, or the ``payload_json`` of a form."""
        known = self.operation(method, path)
        if known is None:
            return [f"{method} {path} is not in the description"]
        described, operation = known
        faults = self._query_faults(described, operation, query)
        wanted = operation.get("requestBody")
        if wanted is None:
            return faults
        if media_type is None:
            return [*faults, "there is no body"] if wanted.get("required") else faults
        kinds = wanted["content"]
        if media_type not in kinds:
            # The callback is described for JSON only, though its reference allows files.
            media_type = "application/json"
        where = ("paths", described, method.lower(), "requestBody", "content", media_type, "schema")
        return faults + self._faults(where, body)

    def answer_faults(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer of the double itself."""
        known = self.operation(method, path)
        if known is None:
            return []
        described, operation = known
        answer = operation["responses"].get(str(status))
        if answer is None:
            return [f"{method} {described} never answers {status}"]
        if body is None:
            return []
        where = ("paths", described, method.lower(), "responses", str(status), "content", "application/json", "schema")
        return self._faults(where, body)

    def _query_faults(self, described: str, operation: dict[str, Any], query: dict[str, str]) -> list[str]:
        known = {p["name"]: p for p in operation.get("parameters", []) if p.get("in") == "query"}
        faults = [f"the query has an unknown {name}" for name in query if name not in known]
        for name, value in query.items():
            if name in known:
                schema = self._resolved(known[name]["schema"])
                faults += [f"query {name}: {fault}" for fault in _query_fault(schema, value)]
        return faults

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            found: dict[str, Any] = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            return found
        return schema

    def _faults(self, where: tuple[str, ...], body: Any) -> list[str]:
        return [
            f"{'/'.join(map(str, error.absolute_path)) or 'body'}: {_most_likely(error)}"
            for error in self._validator(where).iter_errors(body)
        ]

    def _make_validator(self, where: tuple[str, ...]) -> Draft202012Validator:
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in where)
        return Draft202012Validator({"$ref": f"{_ADDRESS}#/{pointer}"}, registry=self._registry)


def load_description(file: Path = TRIMMED) -> Description:
    """Read the description, plain or gzipped."""
    data = file.read_bytes()
    return Description(json.loads(gzip.decompress(data) if file.suffix == ".gz" else data))


def _pattern(path: str) -> str:
    return "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/"))


def _query_fault(schema: dict[str, Any], value: str) -> list[str]:
    if schema.get("type") == "boolean":
        return [] if value.lower() in ("true", "false", "0", "1") else [f"{value} is no boolean"]
    if schema.get("type") == "integer":
        if not re.fullmatch(r"-?\d+", value):
            return [f"{value} is no whole number"]
        if not schema.get("minimum", int(value)) <= int(value) <= schema.get("maximum", int(value)):
            return [f"{value} is out of range"]
    return []


def _most_likely(error: Any) -> str:
    """Return the innermost reason of an error in a choice of schemas."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"{'/'.join(map(str, error.absolute_path))} {error.message}"[:300]
