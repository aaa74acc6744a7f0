"""Messages as real discord.py sees and writes them."""

from __future__ import annotations

import io

import aiohttp
import discord
import pytest
from PIL import Image

from tests.platforms.discord import MIB, DiscordDouble, File, Permission, Sticker
from tests.platforms.discord.conftest import LogIn


def picture(width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), 90).save(buffer, "PNG")
    return buffer.getvalue()


async def fetched(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_a_message_arrives_with_its_file(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    client = await log_in()
    said = double.says(double.user("ada"), channel, "look", attachments=[File("SPOILER_a photo.png", picture())])
    heard = await client.next_heard()
    assert (heard.id, heard.content, heard.guild.name) == (said.id, "look", "photos")
    [attachment] = heard.attachments
    assert attachment.filename == "SPOILER_a_photo.png"
    assert attachment.is_spoiler()
    assert (attachment.width, attachment.height, attachment.content_type) == (40, 30, "image/png")
    assert await fetched(attachment.url) == (200, picture())


async def test_links_to_files_run_out_and_reading_again_gives_fresh_ones(double: DiscordDouble, log_in: LogIn) -> None:
    client = await log_in()
    channel = double.channel(double.guild())
    said = double.says(double.user("ada"), channel, attachments=[File("a.png", picture())])
    heard = await client.next_heard()
    double.expire_links(said)
    assert (await fetched(heard.attachments[0].url))[0] == 404
    again = await heard.channel.fetch_message(heard.id)
    assert (await fetched(again.attachments[0].url))[0] == 200
    unsigned = again.attachments[0].url.partition("?")[0]
    assert (await fetched(unsigned))[0] == 404


async def test_the_bot_answers_with_files_and_buttons_and_edits(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    client = await log_in()
    asked = double.says(double.user("ada"), channel, "colorizebot")
    heard = await client.next_heard()
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Softer", custom_id="softer"))
    answer = await heard.reply(
        "here", file=discord.File(io.BytesIO(picture()), "b.png", description="a photo"), view=view
    )
    assert answer.attachments[0].description == "a photo"
    [said] = double.answers_to(asked)
    assert said.attachments[0].data == picture()
    assert said.buttons() == {"Softer": "softer"}
    assert said.pinged == (asked.author,)
    await answer.edit(content="again", attachments=[discord.File(io.BytesIO(b"no picture"), "c.txt")])
    assert (said.content, [file.filename for file in said.attachments]) == ("again", ["c.txt"])
    assert await fetched(answer.attachments[0].url) == (404, b"This content is no longer available.")
    await answer.delete()
    assert double.said_in(channel) == []
    with pytest.raises(discord.NotFound) as caught:
        await answer.edit(content="gone")
    assert caught.value.code == 10008


async def test_a_nonce_keeps_a_message_from_being_there_twice(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    client = await log_in()
    there = await client.fetch_channel(channel.id)
    first = await there.send("once", nonce="n1", file=discord.File(io.BytesIO(picture()), "a.png"))
    second = await there.send("once", nonce="n1", file=discord.File(io.BytesIO(picture()), "a.png"))
    assert first.id == second.id
    await there.send("once", nonce="n2")
    assert len(double.said_in(channel)) == 2


async def test_a_replayed_reply_forward_sticker_and_embed(double: DiscordDouble, log_in: LogIn) -> None:
    guild = double.guild()
    channel, elsewhere = double.channel(guild), double.channel(guild, "elsewhere")
    ada = double.user("ada")
    client = await log_in()
    original = double.says(ada, elsewhere, "first", attachments=[File("a.png", picture())])
    await client.next_heard()
    double.says(ada, channel, "colorizebot", reply_to=original)
    reply = await client.next_heard()
    assert reply.reference.resolved.attachments[0].filename == "a.png"
    double.forwards(ada, channel, original)
    forwarded = await client.next_heard()
    assert forwarded.reference.type is discord.MessageReferenceType.forward
    assert await fetched(forwarded.message_snapshots[0].attachments[0].url) == (200, picture())
    double.says(ada, channel, stickers=[(Sticker(77, "cat", 1), picture())])
    sticker = await client.next_heard()
    assert (sticker.stickers[0].id, sticker.stickers[0].format) == (77, discord.StickerFormatType.png)
    assert (await fetched(f"{double.cdn_url}/stickers/77.png"))[0] == 200
    link = double.page("b.png", picture(), "image/png")
    said = double.says(ada, channel, f"see {link}")
    heard = await client.next_heard()
    assert heard.embeds == []
    double.unfurls(said, {link: picture()})
    again = await heard.channel.fetch_message(heard.id)
    assert again.embeds[0].thumbnail.url == link


async def test_history_pages_through_a_channel(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    ada = double.user("ada")
    said = [double.says(ada, channel, str(number)) for number in range(8)]
    client = await log_in()
    there = await client.fetch_channel(channel.id)
    assert [m.content async for m in there.history(limit=3)] == ["7", "6", "5"]
    assert [m.content async for m in there.history(limit=2, before=discord.Object(said[4].id))] == ["3", "2"]
    assert [m.content async for m in there.history(limit=None, after=discord.Object(said[5].id))] == ["6", "7"]


async def test_without_the_intent_only_mentions_and_direct_messages_are_told(log_in: LogIn) -> None:
    async with DiscordDouble(message_content=False) as double:
        channel, ada = double.channel(double.guild()), double.user("ada")
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await log_in(double)
        client = await log_in(double, content=False)
        double.says(ada, channel, "secret", attachments=[File("a.png", picture())])
        hidden = await client.next_heard()
        assert (hidden.content, hidden.attachments) == ("", [])
        assert (await hidden.channel.fetch_message(hidden.id)).attachments == []
        double.says(ada, channel, f"{double.bot.mention} look", attachments=[File("a.png", picture())])
        told = await client.next_heard()
        assert (told.content, len(told.attachments)) == (f"{double.bot.mention} look", 1)
        double.says(ada, double.direct(ada), "psst", attachments=[File("a.png", picture())])
        private = await client.next_heard()
        assert (private.content, private.guild, len(private.attachments)) == ("psst", None, 1)


@pytest.mark.parametrize(
    ("lacks", "code"),
    [(Permission.SEND_MESSAGES, 50013), (Permission.ATTACH_FILES, 50013), (Permission.VIEW_CHANNEL, 50001)],
)
async def test_missing_permissions(double: DiscordDouble, log_in: LogIn, lacks: Permission, code: int) -> None:
    channel = double.channel(double.guild())
    client = await log_in()
    there = client.get_channel(channel.id)
    double.deny(channel, double.bot, lacks)
    with pytest.raises(discord.Forbidden) as caught:
        await there.send("x", file=discord.File(io.BytesIO(picture()), "a.png"))
    assert caught.value.code == code


async def test_what_else_is_turned_away(double: DiscordDouble, log_in: LogIn) -> None:
    guild = double.guild()
    channel, blind = double.channel(guild), double.channel(guild, bot_lacks=Permission.READ_MESSAGE_HISTORY)
    shy = double.user("shy", closed_to_bots=True)
    client = await log_in()
    there = client.get_channel(channel.id)
    with pytest.raises(discord.HTTPException) as caught:
        await there.send("x" * 2001)
    assert (caught.value.status, caught.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException) as caught:
        await there.send(file=discord.File(io.BytesIO(bytes(10 * MIB + 1)), "big.bin"))
    assert (caught.value.status, caught.value.code) == (413, 40005)
    with pytest.raises(discord.Forbidden) as caught:
        await (await client.fetch_user(shy.id)).send("hello")
    assert caught.value.code == 50007
    said = double.says(double.user("ada"), blind, "x")
    assert [m async for m in client.get_channel(blind.id).history()] == []
    with pytest.raises(discord.HTTPException) as caught:
        await client.get_channel(blind.id).send(
            "x", reference=discord.MessageReference(message_id=said.id, channel_id=blind.id)
        )
    assert caught.value.code == 160002
    gone = double.says(double.user("eve"), channel, "x")
    double.deletes(gone)
    with pytest.raises(discord.HTTPException) as caught:
        await there.send("x", reference=discord.MessageReference(message_id=gone.id, channel_id=channel.id))
    assert "MESSAGE_REFERENCE_UNKNOWN_MESSAGE" in str(caught.value) or caught.value.code == 50035
    reference = discord.MessageReference(message_id=gone.id, channel_id=channel.id, fail_if_not_exists=False)
    assert (await there.send("x", reference=reference)).reference is None
    double.remove_channel(channel)
    with pytest.raises(discord.NotFound) as caught:
        await there.send("x")
    assert caught.value.code == 10003
    double.complaints.clear()  # the text that was too long breaks the description, as it should


async def test_complaints_are_made_about_what_the_description_forbids(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    client = await log_in()
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    await client.http.request(route, json={"content": "x", "enforce_nonce": "yes"})
    [complaint] = double.complaints
    assert "enforce_nonce" in complaint
    double.complaints.clear()
    with pytest.raises(discord.NotFound):
        await client.http.request(discord.http.Route("POST", "/no/such/thing"))
    assert double.complaints == ["POST /no/such/thing: POST /no/such/thing is not in the description"]
    double.complaints.clear()


async def test_messages_in_a_thread(double: DiscordDouble, log_in: LogIn) -> None:
    channel = double.channel(double.guild())
    before = double.thread(channel, "old thread")
    client = await log_in()
    after = double.thread(channel, "new thread")
    for thread in (before, after):
        asked = double.says(double.user("ada"), thread, "colorizebot")
        heard = await client.next_heard()
        assert (heard.channel.name, heard.channel.parent_id) == (thread.name, channel.id)
        await heard.reply("here")
        assert len(double.answers_to(asked)) == 1
