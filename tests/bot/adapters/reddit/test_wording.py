from __future__ import annotations

import json
from typing import Any

from markdown_it import MarkdownIt

from bot.adapters.reddit import wording
from bot.adapters.reddit.richtext import Paragraph, Picture, Words, to_markdown, to_richtext
from bot.adapters.reddit.wording import Place
from bot.vocabulary import Answer, LeftOut, Refusal, ResultPicture
from inference.vocabulary import InputKind, Layout, RecolorOptions

PAGE = "https://color.example/r/abc"


def result(index: int = 0, kind: InputKind = InputKind.GRAY) -> ResultPicture:
    return ResultPicture(index, f"result-{index}.jpg", "image/jpeg", 64, 48, kind)


def written(answer: Answer, place: Place, options: RecolorOptions | None = None, **context: Any) -> str:
    return to_markdown(wording.of_answer(answer, place, options or RecolorOptions(), context, "colorizebot"))


def test_one_photo():
    text = written(Answer((result(),), "model"), Place({0: PAGE}, compare={0: f"{PAGE}/compare"}))
    assert f"**[the photo in colour]({PAGE})**" in text
    assert f"[before and after, side by side]({PAGE}/compare)" in text
    assert "“delete”" in text
    assert "“opt out”" in text
    assert "<hr />" in MarkdownIt().render(text)


def test_who_asked_for_side_by_side_needs_no_link_to_it():
    options = RecolorOptions(layout=Layout.SIDE_BY_SIDE)
    assert "side by side" not in written(Answer((result(),), "model"), Place({0: PAGE}, compare={0: PAGE}), options)


def test_several_photos_some_in_color_some_left_out():
    answer = Answer(
        (result(0), result(2, InputKind.COLOR)),
        "model",
        (LeftOut(1, Refusal("gone", "That picture isn't there any more.")),),
    )
    text = written(answer, Place({0: PAGE, 2: PAGE}, all_at_once=PAGE), more_pictures=30, pictures=3)
    assert "First: " in text
    assert "Third: " in text
    assert "The third was in colour already" in text
    assert "leave out the second photo. That picture isn't there any more." in text
    assert "There are 30 photos" in text
    assert "the first 3" in text


def test_nsfw_and_spoilers_are_marked():
    text = written(Answer((result(),), "model"), Place({0: PAGE}), nsfw=True, spoiler=True)
    assert text.startswith("**NSFW · Spoiler**")
    assert f">!**[the photo in colour]({PAGE})**!<" in text


def test_native_pictures_are_blurred_where_the_post_is():
    picture = Picture("asset1", "In colour", animated=True, blurred="spoiler")
    blocks = wording.of_answer(
        Answer((result(),), "m"), Place({}, (picture,)), RecolorOptions(), {"spoiler": True}, "bot"
    )
    document = json.loads(to_richtext(blocks))["document"]
    assert {"e": "gif", "id": "asset1", "c": "In colour", "o": "spoiler"} in document
    assert document[-1]["c"][0]["f"][0][0] == 32


def test_links_and_styles_in_rich_text():
    document = json.loads(to_richtext([Paragraph((Words("a"), Words("b", "https://x", bold=True, hidden=True)))]))
    assert document["document"][0]["c"] == [
        {"e": "text", "t": "a"},
        {"e": "spoilertext", "c": [{"e": "link", "t": "b", "u": "https://x", "f": [[1, 0, 1]]}]},
    ]


def test_titles_fit_and_carry_their_marker():
    assert wording.title("Grandma, 1931", "abc") == "Grandma, 1931 | in colour (abc)"
    assert len(wording.title("x" * 400, "abc")) == 300
    assert wording.title("x" * 400, "abc").endswith("(abc)")
    assert wording.title("", "abc") == "A photo | in colour (abc)"


def test_every_refusal_says_what_to_do_next():
    for name, refusal in vars(wording).items():
        if isinstance(refusal, Refusal) and name not in ("OPTED_OUT", "OPTED_IN"):
            assert "please" in refusal.message.lower(), name
