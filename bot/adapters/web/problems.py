"""What can go wrong at the page's edge, and how any problem is told: as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.fetching import FetchRefused
from bot.intake import Declined
from bot.ledger import LedgerAway
from inference.problems import PROBLEM_MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)

_DECLINED_STATUS = {"no_pictures": 422, "too_many_pictures": 413, "stopping": 503}
"""Whatever else is declined at the door has to do with how much is asked for: 429."""
_LEDGER_RETRY_SECONDS = 10
_ADVICE = {
    400: "That isn't a well-formed request; please check the client.",
    404: "There is nothing at this address; please check the link.",
    405: "This address doesn't take that method; please check the client.",
    408: "The upload stalled; please send the photo again.",
    413: "That is more than this address takes; please send less at once.",
}


class NotThere(Problem):
    """No such request, or it has been deleted."""

    status = 404
    slug = "not_found"
    title = "Not found"
    advice = "There is no such photo here any more; it may have been deleted."


class Gone(Problem):
    """The request was there, but its photos were kept for so many days only."""

    status = 410
    slug = "gone"
    title = "Gone"
    advice = "I keep photos for a while only, and that one is gone now; please send it to me again."


class NotYours(Problem):
    """Only the owner may do that."""

    status = 403
    slug = "not_yours"
    title = "Not yours"
    advice = "Only whoever sent that photo may do that; please use the browser or the token it was sent with."


class OutOfReach(Problem):
    """The ledger's database is away."""

    status = 503
    slug = "ledger_away"
    title = "Away for a moment"
    advice = "I can't reach my notes right now; please try again in a minute."


class CrossSite(Problem):
    """Another site's page tried to act in the visitor's name."""

    status = 403
    slug = "cross_site"
    title = "Cross-site request"
    advice = "Another site's page may not do that; please use the bot's own page."


class MalformedBody(Problem):
    """The request's body is not what its Content-Type says."""

    status = 400
    slug = "malformed_body"
    title = "Malformed body"
    advice = "I can't read that; please send a form with the photo in the field “image”, or JSON with a “url”."


class UnsupportedBody(Problem):
    """The request's body is of a type that this address doesn't take."""

    status = 415
    slug = "unsupported_body"
    title = "Unsupported body"
    advice = "Please send the photo as a form (multipart/form-data) in the field “image”, or JSON with a “url”."


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return _response(problem.status, problem.to_json(), problem.retry_after)
    except Declined as declined:
        status = _DECLINED_STATUS.get(declined.refusal.reason, 429)
        return _told(status, declined.refusal.reason, declined.refusal.message, retry_after=declined.retry_after)
    except FetchRefused as refused:
        return _told(422, refused.reason, refused.message)
    except LedgerAway as away:
        _log.warning("%s %s failed, the ledger is away: %s", request.method, request.match_info.route.resource, away)
        return _response(OutOfReach.status, OutOfReach().to_json(), _LEDGER_RETRY_SECONDS)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _of_http_error(error)
    except web.RequestPayloadError:
        return _response(MalformedBody.status, MalformedBody().to_json())
    except ConnectionError:
        raise  # the client is gone: nobody is left to answer
    except Exception:  # noqa: BLE001 - the edge of the service: logged with its traceback, told as a problem
        _log.exception("%s %s failed", request.method, request.match_info.route.resource)
        return _response(Problem.status, Problem().to_json())


def _of_http_error(error: web.HTTPException) -> web.Response:
    phrase = HTTPStatus(error.status).phrase
    response = _told(error.status, phrase.lower().replace(" ", "_"), _ADVICE.get(error.status, phrase))
    if hdrs.ALLOW in error.headers:
        response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    return response


def _told(status: int, reason: str, detail: str, *, retry_after: int | None = None) -> web.Response:
    document = {
        "type": f"urn:colorizebot:problem:{reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    return _response(status, document, retry_after)


def _response(status: int, document: dict[str, Any], retry_after: int | None = None) -> web.Response:
    headers = {} if retry_after is None else {hdrs.RETRY_AFTER: str(retry_after)}
    return web.Response(
        status=status, body=json.dumps(document).encode(), content_type=PROBLEM_MEDIA_TYPE, headers=headers
    )
