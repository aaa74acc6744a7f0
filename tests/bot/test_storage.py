"""The photos on the disk: whole or not at all, and never outside their request's folder."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.storage import Storage, TooLarge
from bot.vocabulary import ImageKind, ImageReference, new_request_id


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "requests")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_photo_is_kept_as_it_came(storage: Storage) -> None:
    request_id = new_request_id()
    reference = await storage.save_input(request_id, 0, b"photo")
    assert reference == ImageReference(ImageKind.UPLOAD, "input-0")
    assert await storage.read(request_id, reference.location) == b"photo"
    assert await storage.holds(request_id, "input-0")
    assert not await storage.holds(request_id, "input-1")


async def test_a_photo_may_come_in_pieces(storage: Storage) -> None:
    request_id = new_request_id()
    await storage.save_input(request_id, 3, chunks(b"pho", b"", b"to"), max_bytes=5)
    assert await storage.read(request_id, "input-3") == b"photo"


async def test_too_many_bytes_leave_nothing_behind(storage: Storage, tmp_path: Path) -> None:
    request_id = new_request_id()
    with pytest.raises(TooLarge):
        await storage.save_input(request_id, 0, chunks(b"12345", b"6"), max_bytes=5)
    assert list((tmp_path / "requests" / request_id).iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_cancellation_while_a_file_is_opened_leaks_nothing(storage: Storage) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        folder = new_request_id()
        await storage.save_input(folder, 0, b"photo")
        saving = asyncio.create_task(storage.save_picture(folder, "result-0.jpg", b"colours"))
        await asyncio.sleep(0)
        time.sleep(0.005)  # the file is open by now, and the task has not heard of it
        saving.cancel()
        await asyncio.wait([saving])
        assert saving.cancelled()
    await asyncio.to_thread(lambda: None)
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 10


async def test_an_upload_that_breaks_off_leaves_nothing_behind(storage: Storage, tmp_path: Path) -> None:
    async def breaking_off() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    request_id = new_request_id()
    with pytest.raises(ConnectionResetError):
        await storage.save_input(request_id, 0, breaking_off())
    assert list((tmp_path / "requests" / request_id).iterdir()) == []


async def test_a_cancelled_upload_leaves_nothing_behind(storage: Storage, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield b"half"
        begun.set()
        await asyncio.Event().wait()

    request_id = new_request_id()
    upload = asyncio.create_task(storage.save_input(request_id, 0, stalling()))
    await begun.wait()
    upload.cancel()
    await asyncio.wait([upload])
    assert upload.cancelled()
    assert list((tmp_path / "requests" / request_id).iterdir()) == []


async def test_saving_again_replaces_the_whole_file(storage: Storage) -> None:
    request_id = new_request_id()
    await storage.save_input(request_id, 0, b"a long first version")
    await storage.save_input(request_id, 0, b"short")
    assert await storage.read(request_id, "input-0") == b"short"


async def test_readers_see_the_old_file_or_the_new_one_and_nothing_between(storage: Storage) -> None:
    request_id = new_request_id()
    versions = [letter * 2_000_000 for letter in (b"a", b"b")]
    await storage.save_input(request_id, 0, versions[0])
    path, seen = storage.path(request_id, "input-0"), set()
    writing = asyncio.create_task(save_in_turn(storage, request_id, versions * 10))
    while not writing.done():
        seen.add(await asyncio.to_thread(path.read_bytes))
    await writing
    assert seen <= set(versions)


async def save_in_turn(storage: Storage, request_id: str, versions: list[bytes]) -> None:
    for version in versions:
        await storage.save_input(request_id, 0, version)


@pytest.mark.parametrize(
    "name", ["../secret", "input-0/../../x", "/etc/passwd", "", ".", "..", "input-0.part.exe", "x"]
)
def test_no_name_leads_out_of_the_folder(storage: Storage, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        storage.path(new_request_id(), name)


@pytest.mark.parametrize("request_id", ["..", "", "../../../../etc/aaaaaaa", "a" * 15, "a" * 65, "aaaaaaaaaaaaaaaa\n"])
def test_no_id_leads_out_of_the_root(storage: Storage, request_id: str) -> None:
    with pytest.raises(ValueError, match="not a request's id"):
        storage.path(request_id, "input-0")


async def test_a_result_never_brings_back_a_deleted_request(storage: Storage, tmp_path: Path) -> None:
    request_id = new_request_id()
    await storage.save_input(request_id, 0, b"photo")
    await storage.save_picture(request_id, "result-0.jpg", b"colours")
    await storage.remove(request_id)
    with pytest.raises(FileNotFoundError):
        await storage.save_picture(request_id, "compare-0.jpg", b"late")
    assert list((tmp_path / "requests").iterdir()) == []


async def test_removing_what_is_not_there_is_no_error(storage: Storage) -> None:
    await storage.remove(new_request_id())


async def test_photos_that_can_not_all_be_copied_are_not_copied(storage: Storage, tmp_path: Path) -> None:
    source, target = new_request_id(), new_request_id()
    await storage.save_input(source, 0, b"photo")
    (tmp_path / "requests" / source / "input-1").mkdir()
    with pytest.raises(OSError, match="directory"):
        await storage.copy_inputs(source, target)
    assert await storage.holdings() == [source]


async def test_the_photos_of_one_request_are_copied_to_another(storage: Storage) -> None:
    source, target = new_request_id(), new_request_id()
    await storage.save_input(source, 0, b"first")
    await storage.save_input(source, 1, b"second")
    await storage.save_picture(source, "result-0.jpg", b"colours")
    await storage.copy_inputs(source, target)
    await storage.remove(source)
    assert await storage.read(target, "input-0") == b"first"
    assert await storage.read(target, "input-1") == b"second"
    assert not await storage.holds(target, "result-0.jpg")


async def test_the_sweep_removes_what_crashes_left(storage: Storage, tmp_path: Path) -> None:
    kept, deleted, upload, result = (new_request_id() for _ in range(4))
    for request_id in (kept, deleted, upload, result):
        await storage.save_input(request_id, 0, b"photo")
    for request_id in (kept, deleted, result):
        await storage.save_picture(request_id, "result-0.jpg", b"colours")
    (tmp_path / "requests" / upload / "tmp1234.part").touch()
    (tmp_path / "requests" / f"{new_request_id()}-0011aabb.gone").mkdir()
    assert await storage.sweep(kept={kept}, deleted={deleted}) == 3
    assert {folder.name for folder in (tmp_path / "requests").iterdir()} == {kept, result}


async def test_the_sweep_leaves_what_may_be_another_bots(storage: Storage, tmp_path: Path) -> None:
    """Bots that share the folder have uploads on their way whose requests nobody knows of yet."""
    fresh, stale = new_request_id(), new_request_id()
    for request_id in (fresh, stale):
        await storage.save_input(request_id, 0, b"photo")
    os.utime(tmp_path / "requests" / stale, (time.time() - 4000,) * 2)
    assert await storage.sweep(kept=(), deleted=(), untouched_for=timedelta(hours=1)) == 1
    assert await storage.holds(fresh, "input-0")


async def test_the_sweep_leaves_alone_what_the_bot_did_not_make(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "requests" / "lost+found").mkdir(parents=True)
    (tmp_path / "requests" / "notes.txt").touch()
    assert await storage.sweep(kept=(), deleted=()) == 0
    assert len(list((tmp_path / "requests").iterdir())) == 2


async def test_the_sweep_of_nothing_is_no_error(storage: Storage) -> None:
    assert await storage.sweep(kept=(), deleted=()) == 0


def test_a_kill_while_writing_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    """A real process is killed between two pieces of an upload."""
    program = """
        import asyncio, sys
        from pathlib import Path
        from bot.storage import Storage
        async def pieces():
            yield b"half"
            print("half written", flush=True)
            await asyncio.sleep(60)
        asyncio.run(Storage(Path(sys.argv[1])).save_input("a" * 22, 0, pieces()))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / ("a" * 22) / "input-0").exists()
