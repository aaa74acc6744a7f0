"""How bodies are read: within their limits, and only as far as they are wanted."""

from __future__ import annotations

import gzip

from tests.inference.running_worker import RunningWorker
from tests.inference.worker.raw_http import RawConnection, raw_connection

LIMIT = 1_000_000


async def send_chunk(connection: RawConnection, data: bytes) -> None:
    await connection.send(b"%x\r\n%s\r\n" % (len(data), data))


async def test_a_length_over_the_limit_is_refused_before_reading(small_worker: RunningWorker) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin(f"Content-Length: {10**12}")
        response = await connection.response()
    assert response.status == 413
    assert response.problem()["reason"] == "too_many_bytes"


async def test_the_limit_holds_for_bodies_without_a_length(small_worker: RunningWorker) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Transfer-Encoding: chunked")
        for _ in range(LIMIT // 100_000 + 1):
            await send_chunk(connection, bytes(100_000))
        response = await connection.response()
    assert response.status == 413
    assert response.problem()["reason"] == "too_many_bytes"


async def test_the_limit_holds_for_what_a_packed_body_unfolds_to(small_worker: RunningWorker) -> None:
    packed = gzip.compress(bytes(100 * LIMIT))
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Content-Encoding: gzip", f"Content-Length: {len(packed)}")
        await connection.send(packed)
        response = await connection.response()
    assert response.status == 413


async def test_a_chunked_photo_is_taken(small_worker: RunningWorker, jpeg: bytes) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Transfer-Encoding: chunked")
        for start in range(0, len(jpeg), 1000):
            await send_chunk(connection, jpeg[start : start + 1000])
        await connection.send(b"0\r\n\r\n")
        response = await connection.response()
    assert response.status == 200


async def test_a_body_is_only_called_for_when_it_is_wanted(small_worker: RunningWorker, jpeg: bytes) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Expect: 100-continue", f"Content-Length: {LIMIT + 1}")
        assert (await connection.response()).status == 413
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Expect: 100-continue", f"Content-Length: {len(jpeg)}")
        assert (await connection.response()).status == 100
        await connection.send(jpeg)
        assert (await connection.response()).status == 200


async def test_a_stalled_upload_is_given_up(small_worker: RunningWorker) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Content-Length: 5000")
        await connection.send(b"x" * 100)
        response = await connection.response()
    assert response.status == 408
    assert response.problem()["reason"] == "request_timeout"


async def test_a_garbled_body_is_a_bad_request(small_worker: RunningWorker) -> None:
    async with raw_connection(small_worker.port) as connection:
        await connection.begin("Content-Encoding: gzip", "Content-Length: 100")
        await connection.send(b"This is not packed. " * 5)
        response = await connection.response()
    assert response.status == 400
    assert response.problem()["reason"] == "bad_request"
