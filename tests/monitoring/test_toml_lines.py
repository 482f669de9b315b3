"""On which line a key of a TOML file stands."""

import pytest

from photo_monitoring.configuration.toml_lines import line_of, lines_of_keys

TEXT = '''\
# a comment with [brackets] and "quotes
top = "x = 1 # no comment"

[a.b]  # a table
one = [
  "first ]",  # ] not the end
  2,
]
two = """
[not.a.table]
three = 4
"""
"quoted.key" = 'C:\\[x]'
dotted . "inner" = { x = 1, y = [2] }
[ "c" . d ]
four = 1
[[list]]
five = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("a",), 4),
        (("a", "b"), 4),
        (("a", "b", "one"), 5),
        (("a", "b", "two"), 9),
        (("a", "b", "quoted.key"), 13),
        (("a", "b", "dotted", "inner"), 14),
        (("c", "d"), 15),
        (("c", "d", "four"), 16),
        (("list", "five"), 18),
    ],
)
def test_a_key_is_found_on_its_line(path: tuple[str, ...], line: int) -> None:
    assert lines_of_keys(TEXT)[path] == line


def test_what_only_looks_like_a_table_is_none() -> None:
    assert ("not",) not in lines_of_keys(TEXT)
    assert ("three",) not in lines_of_keys(TEXT)


def test_lines_end_as_on_windows_too() -> None:
    assert lines_of_keys("[a]\r\n\r\nb = 1\r\n# end")[("a", "b")] == 3


def test_a_key_within_an_inline_table_has_the_line_of_the_table() -> None:
    assert line_of(lines_of_keys(TEXT), ("a", "b", "dotted", "inner", "y")) == 14


def test_a_key_that_is_nowhere_has_the_first_line() -> None:
    assert line_of(lines_of_keys(TEXT), ("none",)) == 1
