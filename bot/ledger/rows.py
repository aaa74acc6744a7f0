"""Between the table's rows and the vocabulary's values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from bot.vocabulary import (
    Answer,
    Entry,
    ImageKind,
    ImageReference,
    LeftOut,
    Outcome,
    Refusal,
    Request,
    ResultPicture,
    State,
)
from inference.vocabulary import InputKind, RecolorOptions

UNFINISHED = (State.QUEUED.value, State.WORKING.value)
"""The states of requests that still need work."""


def of_request(request: Request) -> dict[str, Any]:
    """Return the columns of a request that was just taken."""
    return {
        "id": request.id,
        "platform": request.platform,
        "message_id": request.message_id,
        "conversation": request.conversation,
        "requester": request.requester,
        "community": request.community,
        "images": of_images(request.images),
        "pictures": pictures_in(request),
        "options": request.options.to_query(),
        "context": dict(request.context),
        "created": request.created,
        "state": State.QUEUED.value,
        "attempts": 0,
    }


def of_images(images: Sequence[ImageReference]) -> list[dict[str, Any]]:
    """Return photos as the table keeps them."""
    return [dataclasses.asdict(image) for image in images]


def pictures_in(request: Request) -> int:
    """Return how many photos a request counts for; until they are located, one."""
    return max(1, len(request.images))


def of_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return the columns that say what was decided."""
    if isinstance(outcome, Refusal):
        return {"refusal_reason": outcome.reason, "refusal_message": outcome.message}
    return {
        "results": [of_result(result) for result in outcome.results],
        "left_out": [dataclasses.asdict(left_out) for left_out in outcome.left_out],
        "model": outcome.model,
    }


def of_result(result: ResultPicture) -> dict[str, Any]:
    """Return a result as the tables keep it."""
    return dataclasses.asdict(result)


def to_result(kept: Mapping[str, Any]) -> ResultPicture:
    """Read a result."""
    return ResultPicture(**{**kept, "input": InputKind(kept["input"])})


def to_entry(row: Row[Any]) -> Entry:
    """Read a whole row."""
    return Entry(
        request=Request(
            platform=row.platform,
            message_id=row.message_id,
            conversation=row.conversation,
            requester=row.requester,
            community=row.community,
            images=tuple(ImageReference(ImageKind(image["kind"]), image["location"]) for image in row.images),
            options=RecolorOptions.from_query(row.options),
            context=row.context,
            id=row.id,
            created=row.created,
        ),
        state=State(row.state),
        attempts=row.attempts,
        outcome=_outcome(row),
        answer_id=row.answer_id,
        expired=row.expired is not None,
    )


def _outcome(row: Row[Any]) -> Outcome | None:
    if row.refusal_reason is not None:
        return Refusal(row.refusal_reason, row.refusal_message)
    if row.results is None:
        return None
    return Answer(
        results=tuple(to_result(result) for result in row.results),
        model=row.model,
        left_out=tuple(LeftOut(left_out["index"], Refusal(**left_out["refusal"])) for left_out in row.left_out),
    )
