"""Options as they travel in a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.problems import InvalidOption
from inference.vocabulary import VIVIDNESS_MAX, VIVIDNESS_MIN, Layout, OutputFormat, RecolorOptions


def test_nothing_asked_is_the_default() -> None:
    options = RecolorOptions.from_query({})
    assert options == RecolorOptions(vividness=1.0, layout=Layout.RECOLORED, format=OutputFormat.AUTO)


@given(
    st.builds(
        RecolorOptions,
        vividness=st.floats(VIVIDNESS_MIN, VIVIDNESS_MAX),
        layout=st.sampled_from(Layout),
        format=st.sampled_from(OutputFormat),
    )
)
def test_a_query_gives_the_same_options_back(options: RecolorOptions) -> None:
    assert RecolorOptions.from_query(options.to_query()) == options


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"vividness": "very"}, "from 0 to 2"),
        ({"vividness": "nan"}, "from 0 to 2"),
        ({"vividness": "inf"}, "from 0 to 2"),
        ({"vividness": "2.01"}, "from 0 to 2"),
        ({"vividness": "-0.1"}, "from 0 to 2"),
        ({"vividness": ""}, "from 0 to 2"),
        ({"layout": "grid"}, "recolored or side_by_side"),
        ({"format": "bmp"}, "auto, jpeg, png or webp"),
        ({"colour": "1"}, "vividness, layout or format"),
    ],
)
def test_a_bad_option_is_told_with_what_would_do(query: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidOption, match=named):
        RecolorOptions.from_query(query)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_any_query_gives_options_or_a_short_sentence(query: dict[str, str]) -> None:
    try:
        RecolorOptions.from_query(query)
    except InvalidOption as invalid:
        problem: InvalidOption | None = invalid
    else:
        problem = None
    assert problem is None or len(problem.detail) < 200
