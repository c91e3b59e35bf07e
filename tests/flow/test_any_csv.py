"""Whatever CSV is damaged wherever, the typed copy holds what `csv.reader` reads of it."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.converted import HEAD, assert_as_expected

pieces = st.one_of(
    st.sampled_from(
        ["", "7", "-1", "true", "2023-02-28", "2023-01-01T00:00:00Z", "1.5", '"', '""', ",", "\n", "\r", "\r\n"]
    ),
    st.sampled_from([" ", "\\", '\\"', "é", "😀", "\x00", "x"]),
)
cells = st.lists(pieces, max_size=3).map("".join)
written = st.one_of(
    cells.map(lambda cell: '"' + cell.replace('"', '""') + '"'),
    cells.map(lambda cell: "".join(char for char in cell if char not in '",\r\n')),
)
records = st.lists(st.lists(written, min_size=3, max_size=3).map(",".join), max_size=5)
blows = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([b'"', b",", b"\n", b"\r", b"\xff", b'""', b" "])), max_size=2
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=records, line_end=st.sampled_from(["\n", "\r\n"]), blows=blows)
def test_any_csv_gives_what_csv_reader_reads(
    records: list[str], line_end: str, blows: list[tuple[float, bytes]], tmp_path: Path
) -> None:
    body = "".join(record + line_end for record in records).encode()
    for where, blow in blows:
        at = int(where * len(body))
        body = body[:at] + blow + body[at:]
    assert_as_expected(HEAD + body, tmp_path)
