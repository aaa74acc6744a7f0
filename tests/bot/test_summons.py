"""What counts as calling the bot, what is asked for, and which links are meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.summons import SOFT, VIVID, Command, links_in, parse_command, parse_summons
from inference.vocabulary import Layout, RecolorOptions

TRIGGERS = ("colorizebot", "colourizebot")


@pytest.mark.parametrize(
    "text",
    [
        "colorizebot",
        "Hey ColorizeBot!",
        "could you, ColourizeBot, please?",
        "u/colorizebot",
        "/u/ColorizeBot.",
        "@colorizebot",
        "!colorizebot",
        "(colorizebot)",
        "“colorizebot”",
        "**colorizebot**",
        "# colorizebot",
        "- one\n- colorizebot",
        ">!colorizebot!<",
        "||colorizebot||",
        "> what they said\ncolorizebot",
        "`code` and colorizebot",
        "see https://example.org/photo.jpg colorizebot",
        "¡colorizebot!",
        "colorizebot\nvivid",
    ],
)
@pytest.mark.parametrize("flavour", ["reddit", "discord"])
def test_a_trigger_said_as_a_word_summons(text: str, flavour: str) -> None:
    assert parse_summons(text, TRIGGERS, flavour=flavour) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "colorize bot",
        "colorizebots",
        "mycolorizebot",
        "colorizebot_fan",
        "a colorizebot-like thing",
        "I like colorizebot's work",
        "colorizebot.com",
        "r/colorizebot",
        "someone@colorizebot",
        "https://example.org/colorizebot",
        "[colorizebot](https://example.org)",
        "[ask **colorizebot**](https://example.org)",
        "![colorizebot](https://example.org/a.jpg)",
        "`colorizebot`",
        "```\ncolorizebot\n```",
        "> colorizebot",
        "  > colorizebot\n\nwhat did they mean?",
        ">> colorizebot",
        "&gt; colorizebot",
    ],
)
@pytest.mark.parametrize("flavour", ["reddit", "discord"])
def test_quotes_code_links_and_other_words_do_not_summon(text: str, flavour: str) -> None:
    assert parse_summons(text, TRIGGERS, flavour=flavour) is None


def test_indented_text_is_code_on_reddit_alone() -> None:
    assert parse_summons("    colorizebot", TRIGGERS, flavour="reddit") is None
    assert parse_summons("    colorizebot", TRIGGERS, flavour="discord") is not None


def test_a_quote_of_all_that_follows_is_discords_alone() -> None:
    assert parse_summons(">>> they said\ncolorizebot", TRIGGERS, flavour="discord") is None


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("colorizebot", RecolorOptions()),
        ("colorizebot vivid", RecolorOptions(vividness=VIVID)),
        ("colorizebot, more Vivid please!", RecolorOptions(vividness=VIVID)),
        ("u/colorizebot soft", RecolorOptions(vividness=SOFT)),
        ("colorizebot compare", RecolorOptions(layout=Layout.SIDE_BY_SIDE)),
        ("colorizebot side by side", RecolorOptions(layout=Layout.SIDE_BY_SIDE)),
        ("**colorizebot** soft and side-by-side", RecolorOptions(vividness=SOFT, layout=Layout.SIDE_BY_SIDE)),
        ("so vivid a photo! colorizebot", RecolorOptions()),
        ("colorizebot https://example.org/vivid.jpg", RecolorOptions()),
        ("colorizebot software", RecolorOptions()),
    ],
)
def test_words_after_the_trigger_are_options(text: str, options: RecolorOptions) -> None:
    summons = parse_summons(text, TRIGGERS)
    assert summons is not None
    assert summons.options == options


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("delete", Command.DELETE),
        ("Delete!", Command.DELETE),
        ("!delete", Command.DELETE),
        ("u/colorizebot delete", Command.DELETE),
        ("opt out", Command.OPT_OUT),
        ("Opt-out.", Command.OPT_OUT),
        ("colorizebot opt me out", Command.OPT_OUT),
        ("opt in", Command.OPT_IN),
        ("please don't delete", None),
        ("delete this account", None),
        ("colorizebot", None),
        ("", None),
    ],
)
def test_a_command_is_the_whole_message(text: str, command: Command | None) -> None:
    assert parse_command(text, TRIGGERS) is command


@pytest.mark.parametrize("flavour", ["reddit", "discord"])
def test_links_come_in_order_and_whole(flavour: str) -> None:
    text = (
        "[this](http://a.example/1.jpg) and https://b.example/2_(x).png). Also <https://c.example/3?x=1&y=2>,\n"
        "![four](https://d.example/4_four_4.gif) `https://code.example` [mail](mailto:x@example.org)\n"
        "> https://quoted.example\nhttps://b.example/2_(x).png *https://e.example/5.jpg*"
    )
    assert links_in(text, flavour=flavour) == [
        "http://a.example/1.jpg",
        "https://b.example/2_(x).png",
        "https://c.example/3?x=1&y=2",
        "https://d.example/4_four_4.gif",
        "https://e.example/5.jpg",
    ]


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for flavour in ("reddit", "discord"):
        parse_summons(text + " colorizebot " + text, TRIGGERS, flavour=flavour)
        links_in(text, flavour=flavour)
    parse_command(text, TRIGGERS)


@pytest.mark.timeout(30)  # a quadratic reading would take minutes
@pytest.mark.parametrize(
    "piece", ["[", "*a", "<", "`", "> ", "![](", "colorizebot's ", "https://a.b/(", "\\", "||", ")"]
)
def test_long_hostile_text_is_read_quickly(piece: str) -> None:
    text = "colorizebot " + piece * (10_000 // len(piece))
    parse_summons(text, TRIGGERS)
    links_in(text)
