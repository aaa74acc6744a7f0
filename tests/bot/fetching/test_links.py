import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bot.fetching.links import check, parse_allowed
from bot.fetching.refusals import FetchRefused
from bot.problems import OperatorError

NOTHING = parse_allowed([])


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a.jpg", "https://example.org/a.jpg"),
        ("  https://example.org/a.jpg\n", "https://example.org/a.jpg"),
        ("HTTPS://EXAMPLE.org:8443/A.jpg?w=1&s=%2B#part", "https://example.org:8443/A.jpg?w=1&s=%2B#part"),
        ("https://example.org./a.jpg", "https://example.org./a.jpg"),
        ("https://upload_1.example.org/Großmutter 1912.jpg", "https://upload_1.example.org/Gro%C3%9Fmutter%201912.jpg"),
        ("https://münchen.example/a", "https://xn--mnchen-3ya.example/a"),
        ("http://8.8.8.8/a", "http://8.8.8.8/a"),
        ("http://134744072:8080/a", "http://8.8.8.8:8080/a"),
        ("http://0x8.0x8.0x8.0x8./a", "http://8.8.8.8/a"),
        ("http://[2606:4700:4700::1111]/a", "http://[2606:4700:4700::1111]/a"),
    ],
)
def test_ordinary_links_pass(text: str, url: str) -> None:
    link = check(text, NOTHING)
    assert (str(link.url), link.trusted) == (url, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "colorizebot",
        "example.org/a.jpg",
        "//example.org/a.jpg",
        "http://",
        "http:///a.jpg",
        "http:example.org/a.jpg",
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "gopher://example.org:6379/_INFO",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "http://user:password@example.org/a.jpg",
        "http://user@example.org/a.jpg",
        "http://exa mple.org/",
        "http://example.org%2f@/",
        "http://%65xample.org/",
        "http://example..org/",
        "http://.example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://1.2.3.256/",
        "http://1.2.3.4.5/",
        "http://example.1/",
        "http://[::1/",
        "http://[::1%]/",
        "http://[1.2.3.4]/",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://example.org:22/",
        "http://example.org:25/",
        f"http://{'a' * 64}.org/",
        "http://0x]a@[[@",
        "https://example.org/" + "a" * 4096,
    ],
)
def test_what_is_no_web_link_is_refused(text: str) -> None:
    with pytest.raises(FetchRefused) as refused:
        check(text, NOTHING)
    assert refused.value.reason == "bad_link"


@given(
    st.one_of(
        st.text(), st.from_regex(r"https?://[^/]*/?.*"), st.text("htp:/@.[]%0x17f\\#?é。").map("http://{}".format)
    )
)
@example("http://[%00::1]")
def test_whatever_is_written_gets_an_answer(text: str) -> None:
    for base in (None, URL("https://example.org/page")):
        try:
            link = check(text, NOTHING, base=base)
        except FetchRefused:
            continue
        assert link.url.scheme in {"http", "https"}
        assert link.url.raw_host


def test_allowed_means_this_host_and_port_as_written() -> None:
    allowed = parse_allowed(["nas.lan:8000", "127.0.0.1:80", "[fd00::7]:443", "NAS.lan:22"])
    for text in (
        "http://nas.lan:8000/a",
        "http://NAS.LAN:8000/a",
        "http://127.0.0.1/a",
        "http://127.0.0.1:80/a",
        "https://[fd00::7]/a",
        "https://[fd00:0::7]:443/a",
        "http://nas.lan:22/a",
    ):
        assert check(text, allowed).trusted, text


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:81/",
        "http://2130706433/",
        "http://127.0.0.1./",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00::7]/",
    ],
)
def test_allowed_means_no_other_spelling_and_no_other_port(text: str) -> None:
    with pytest.raises(FetchRefused) as refused:
        check(text, parse_allowed(["127.0.0.1:80", "[fd00::7]:443"]))
    assert refused.value.reason == "private_address"


def test_names_spelled_otherwise_stay_guarded() -> None:
    for text in ("http://nas.lan.:8000/", "http://nas.lan:8001/", "http://nas:8000/", "http://a.nas.lan:8000/"):
        assert not check(text, parse_allowed(["nas.lan:8000"])).trusted


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "nas.lan",
        "nas.lan:",
        "nas.lan:0",
        "nas.lan:http",
        ":80",
        "http://nas.lan:80",
        "nas.lan:80/a",
        "a@nas.lan:80",
        "fd00::7:80",
    ],
)
def test_a_malformed_exception_is_told_to_the_operator(entry: str) -> None:
    with pytest.raises(OperatorError, match="COLORIZEBOT_FETCH__ALLOW_PRIVATE"):
        parse_allowed([entry])
