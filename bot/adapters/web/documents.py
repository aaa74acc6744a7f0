"""What the API says of requests, as JSON documents."""

from __future__ import annotations

from typing import Any

from bot.vocabulary import Answer, Entry, ImageKind, Refusal, Request, ResultPicture, State, Status

Document = dict[str, Any]


def of_status(status: Status) -> Document:
    """Return where a request stands, for whoever has its id."""
    entry, progress = status.entry, status.progress
    request = entry.request
    answer = entry.outcome if entry.state is State.ANSWERED and isinstance(entry.outcome, Answer) else None
    refusal = entry.outcome if entry.state is State.REFUSED and isinstance(entry.outcome, Refusal) else None
    return {
        "id": request.id,
        "state": entry.state.value,
        "position": status.position,
        "progress": None
        if progress is None
        else {"step": progress.step.value, "picture": progress.picture, "pictures": progress.pictures},
        "results": [] if answer is None else [_result(request, result) for result in answer.results],
        "left_out": []
        if answer is None
        else [{"index": left_out.index, **_refusal(left_out.refusal)} for left_out in answer.left_out],
        "refusal": None if refusal is None else _refusal(refusal),
        "page_url": page_url(request.id),
        "vividness": request.options.vividness,
        "layout": request.options.layout.value,
    }


def of_own(status: Status) -> Document:
    """Return a request with what it was asked with, for its owner alone."""
    request = status.entry.request
    return {
        **of_status(status),
        "created": request.created.isoformat(),
        "images": [
            {
                "link": image.location if image.kind is ImageKind.URL else None,
                "url": f"{api_url(request.id)}/photos/{index}",
            }
            for index, image in enumerate(request.images)
        ],
    }


def of_finished(entry: Entry) -> Document:
    """Return `of_status` of a request that nothing more happens to."""
    return of_status(Status(entry, position=None, progress=None))


def api_url(request_id: str) -> str:
    """Return where programs find a request."""
    return f"/api/requests/{request_id}"


def page_url(request_id: str) -> str:
    """Return where people find a request's result."""
    return f"/r/{request_id}"


def _result(request: Request, result: ResultPicture) -> Document:
    return {
        "url": f"/results/{request.id}/{result.file}",
        "compare_url": f"/results/{request.id}/compare-{result.index}.jpg",
        "width": result.width,
        "height": result.height,
        "input": result.input.value,
        "media_type": result.media_type,
    }


def _refusal(refusal: Refusal) -> Document:
    return {"reason": refusal.reason, "message": refusal.message}
