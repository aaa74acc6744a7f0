"""Every error leaves the worker as ``application/problem+json`` (RFC 9457), those of the HTTP layer too."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from inference.problems import PROBLEM_MEDIA_TYPE, Problem
from inference.worker import log

_ADVICE = {
    400: "That isn't a well-formed HTTP request; please check the client.",
    404: "There is nothing at this address; photos go to POST /v1/recolor.",
    405: "This address doesn't take that method; photos go to POST /v1/recolor.",
    408: "The upload stalled; please send the photo again.",
    417: "The only expectation understood is 100-continue.",
}
_CHALLENGE = 'Bearer realm="colorizebot worker"'


@web.middleware
async def answer_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        return _http_error_response(error)
    except ConnectionError:
        raise  # the client is gone: nobody is left to answer
    except Exception:  # noqa: BLE001 - the edge of the service: logged with its traceback, told as a problem
        log.failure("bug")
        return problem_response(Problem())


def problem_response(problem: Problem) -> web.Response:
    """Return the problem as a response, with ``Retry-After`` where it tells one, and what a 401 has to ask for."""
    headers: dict[str, str] = {} if problem.retry_after is None else {hdrs.RETRY_AFTER: str(problem.retry_after)}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers[hdrs.WWW_AUTHENTICATE] = _CHALLENGE
    return _response(problem.status, problem.to_json(), headers)


def _http_error_response(error: web.HTTPException) -> web.Response:
    phrase = HTTPStatus(error.status).phrase
    document = {
        "type": "about:blank",
        "title": phrase,
        "status": error.status,
        "detail": _ADVICE.get(error.status, phrase),
        "reason": phrase.lower().replace(" ", "_"),
    }
    allowed = error.headers.get(hdrs.ALLOW)
    return _response(error.status, document, {} if allowed is None else {hdrs.ALLOW: allowed})


def _response(status: int, document: dict[str, object], headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(document).encode(), content_type=PROBLEM_MEDIA_TYPE, headers=headers
    )
