"""The parts of the adapter that need no Discord."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from bot.adapters.discord import catching_up, files, wording
from bot.adapters.discord.buttons import Action, after
from bot.adapters.discord.catching_up import LastSeen
from bot.adapters.discord.locating import linked_message
from bot.adapters.discord.notes import Notes, Photo, Source, Ticket
from bot.vocabulary import Answer, LeftOut, Refusal, ResultPicture
from inference.vocabulary import InputKind, Layout, RecolorOptions


def test_notes_survive_as_json() -> None:
    notes = Notes(
        channel_id=1,
        guild_id=2,
        ticket=Ticket(3, "token", 4.5),
        ephemeral=True,
        photos=(Photo("https://a/b.jpg", "b.jpg", spoiler=True, description="a barn"),),
        source=Source(1, 5),
    )
    assert Notes.of(notes.to_json()) == notes
    assert Notes.of({}) == Notes(channel_id=None)


def test_tickets_run_out_after_a_quarter_of_an_hour_whatever_the_other_clock_says() -> None:
    now = datetime.now(UTC)
    assert not Ticket.issued(1, "t", now).run_out
    assert not Ticket.issued(1, "t", now - timedelta(days=1)).run_out
    assert Ticket(1, "t", now.timestamp() - 1).run_out


@pytest.mark.parametrize(
    ("action", "options", "further"),
    [
        (Action.MORE_VIVID, RecolorOptions(), RecolorOptions(vividness=1.4)),
        (Action.MORE_VIVID, RecolorOptions(vividness=1.4), None),
        (Action.SOFTER, RecolorOptions(vividness=1.4), RecolorOptions(vividness=1.0)),
        (Action.SOFTER, RecolorOptions(vividness=0.6), None),
        (Action.SIDE_BY_SIDE, RecolorOptions(), RecolorOptions(layout=Layout.SIDE_BY_SIDE)),
        (Action.SIDE_BY_SIDE, RecolorOptions(layout=Layout.SIDE_BY_SIDE), None),
    ],
)
def test_buttons_go_one_step(action: Action, options: RecolorOptions, further: RecolorOptions | None) -> None:
    assert after(action, options) == further


def test_only_messages_of_the_same_channel_are_read() -> None:
    link = "https://discord.com/channels/1/22/333"
    assert linked_message(link, 22) == Source(22, 333)
    assert linked_message(link, 23) is None
    assert linked_message("https://example.org/channels/1/22/333", 22) is None


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("grandma 1920.png", "grandma_1920-recolored.jpg"),
        ("Großmutter.jpeg", "Gromutter-recolored.jpg"),
        ("写真.jpg", "photo-recolored.jpg"),
        ("../../etc/passwd", "passwd-recolored.jpg"),
    ],
)
def test_results_are_named_after_the_photo(name: str, called: str) -> None:
    assert files.file_name(name, ".jpg") == called


@pytest.mark.parametrize(
    ("mode", "form", "suffix"), [("RGB", "PNG", ".jpg"), ("RGBA", "PNG", ".webp"), ("L", "JPEG", ".jpg")]
)
def test_large_pictures_are_made_to_fit(tmp_path: Path, mode: str, form: str, suffix: str) -> None:
    path = tmp_path / "result-0.png"
    Image.effect_noise((900, 600), 90).convert(mode).save(path, form)
    fitted = files.smaller(path, 100_000)
    assert fitted is not None
    assert (fitted.suffix, fitted.shrunk) == (suffix, True)
    assert 30_000 < len(fitted.data) <= 100_000
    with Image.open(io.BytesIO(fitted.data)) as picture:
        assert picture.width / picture.height == pytest.approx(1.5, rel=0.02)
    assert files.whole(path, 100_000) is None
    whole = files.whole(path, 10**8)
    assert whole is not None
    assert whole.data == path.read_bytes()


def test_animations_keep_their_frames(tmp_path: Path) -> None:
    path = tmp_path / "result-0.gif"
    frames = [Image.effect_noise((300, 200), 90 + number) for number in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, loop=0)
    fitted = files.smaller(path, path.stat().st_size // 3)
    assert fitted is not None
    with Image.open(io.BytesIO(fitted.data)) as picture:
        assert getattr(picture, "n_frames", 1) == 4


def test_an_animation_is_never_in_memory_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_FRAME_PIXELS", 60_000)
    path = tmp_path / "result-0.gif"
    frames = [Image.effect_noise((300, 200), 90 + number) for number in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, loop=0)
    fitted = files.smaller(path, 10**8)
    assert fitted is not None
    with Image.open(io.BytesIO(fitted.data)) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((150, 100), 4)


@pytest.mark.parametrize(("side", "form"), [(12_000, "PNG"), (17_000, "PNG"), (64, "TIFF")])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_nothing_is_opened_that_no_honest_worker_sends(tmp_path: Path, side: int, form: str) -> None:
    path = tmp_path / "result-0.png"
    Image.new("1", (side, side)).save(path, form)
    assert files.smaller(path, 1000) is None


def test_many_files_share_the_limit_of_a_message() -> None:
    assert files.limit_each(10 * 2**20, 1) == 10 * 2**20
    assert files.limit_each(10 * 2**20, 10) * 10 < files.REQUEST_LIMIT


def test_the_text_says_what_is_special() -> None:
    results = tuple(
        ResultPicture(index, f"result-{index}.jpg", "image/jpeg", 4, 3, kind)
        for index, kind in ((0, InputKind.COLOR), (2, InputKind.GRAY))
    )
    outcome = Answer(results, "model", (LeftOut(1, Refusal("broken", "That file is broken.")),))
    photos = tuple(Photo(f"https://a/{index}", f"{index}.jpg") for index in range(3))
    notes = Notes(channel_id=1, photos=photos, too_many=2)
    text = wording.answer(outcome, RecolorOptions(), notes, shrunk=1, dropped=0, page="https://bot/r/1")
    assert text.splitlines() == [
        "Here are your photos in colour.",
        "One was in colour already, so I recolored from the brightness alone.",
        "Left out photo 2: That file is broken.",
        "I took the first 3, which is as many as I can carry at once.",
        "Made smaller to fit Discord's limit of 10 MB.",
        "In full size: <https://bot/r/1>",
    ]


async def test_what_was_seen_is_remembered(tmp_path: Path) -> None:
    seen = LastSeen(tmp_path, oldest=timedelta(hours=1))
    await seen.load()
    seen.begins(0)
    assert seen.gap(0) is None
    seen.saw(1 << 60, direct_channel=7)
    await seen.save()
    for _ in range(2):  # a second restart before the first one's gap is closed
        later = LastSeen(tmp_path, oldest=timedelta(hours=1))
        await later.load()
        later.begins(0)
        later.saw(1 << 61)
        await later.save()
        assert later.gap(0) is not None
        assert 0 < (1 << 60) - later.gap(0) < 1 << 42
    assert later.direct_channels == (7,)
    await later.caught_up(0)
    later.breaks_off()
    later.goes_on(0)
    assert later.gap(0) is None
    (tmp_path / "discord-seen.json").write_text("{")
    broken = LastSeen(tmp_path, oldest=timedelta(hours=1))
    await broken.load()
    broken.begins(0)
    assert broken.gap(0) is None


async def test_what_one_shard_missed_is_no_less_for_what_another_saw(tmp_path: Path) -> None:
    seen = LastSeen(tmp_path, oldest=timedelta(hours=1))
    seen.begins(0)
    seen.begins(1)
    seen.saw(1 << 60)
    seen.breaks_off(1)
    seen.saw(1 << 61)  # on the other shard, much later
    await seen.save()
    seen.goes_on(0)
    seen.begins(1)
    assert seen.gap(0) is None
    started_again = LastSeen(tmp_path, oldest=timedelta(hours=1))
    await started_again.load()
    started_again.begins(0)
    await started_again.caught_up(0)
    started_again.begins(1)
    for each in (seen, started_again):
        missed = each.gap(1)
        assert missed is not None
        assert 0 < (1 << 60) - missed < 1 << 42


async def test_a_full_disk_ends_no_remembering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    folder.write_text("in the way")
    monkeypatch.setattr(catching_up, "_WRITE_SECONDS", 0.01)
    seen = LastSeen(folder, oldest=timedelta(hours=1))
    seen.begins(0)
    keeping = asyncio.create_task(seen.keep())
    try:
        while "can't be written" not in caplog.text:
            await asyncio.sleep(0.01)
        folder.unlink()
        while not (folder / "discord-seen.json").exists():
            await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
