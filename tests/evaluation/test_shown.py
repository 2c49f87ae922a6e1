import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferui.evaluation.shown import one_line, share


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0, 0, "0"), (1, 0, "100"), (0.945, 0, "94"), (0.9451, 1, "94.5"), (399 / 400, 0, "99.8"), (1 / 400, 0, "0.2"), (0.99999, 0, "99.9"),
     (0.00001, 0, "0.1"), (0.9996, 1, "99.9"), (0.0004, 1, "0.1"), (1, 1, "100.0"), (0, 1, "0.0"), (1 - 1e-16, 0, "100"), (1e-17, 0, "0"),
     (1.02, 0, "102"), (-0.2, 0, "-20")],
)  # fmt: skip
def test_only_all_are_100_percent_and_only_none_are_0(value, digits, shown):
    assert share(value, digits) == f"{shown}\u00a0%"


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 1))
def test_a_share_of_photos_is_short_and_never_rounded_to_certainty(counts, digits):
    right, n = counts
    shown = float(share(right / n, digits).removesuffix("\u00a0%"))
    assert (shown == 100) == (right == n) and (shown == 0) == (right == 0)
    assert abs(shown - 100 * right / n) <= 0.5 and len(share(right / n)) <= 6


def test_a_real_name_keeps_all_but_what_breaks_a_line_or_the_encoding():
    assert one_line("a\u202fb\u3000c\u202ed👩🏽\u200d🌾" + "e" * 300) == "a\u202fb\u3000c\u202ed👩🏽\u200d🌾" + "e" * 300
    assert one_line("a\nb\r\tc\x07\u2028d\x85\udce9") == "a�b��c��d��"
