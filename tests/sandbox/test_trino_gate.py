"""SQL that DuckDB would answer and Athena refuses is refused with the sentence that helps; its near misses pass."""

import duckdb
import pytest

from sandbox.athena.check import documented_gate, main
from sandbox.athena.trino.refusal import NotPlayed, Refused

ATHENA = documented_gate()

REFUSED = {
    # text and numbers, dates, truth values
    "SELECT id FROM users WHERE chain_id = 1743": (
        "Athena refuses chain_id = 1743: chain_id is text, so write chain_id = '1743'."
        " (Athena says TYPE_MISMATCH: Cannot apply operator: varchar = integer)"
    ),
    "SELECT id FROM users_latest WHERE chain_id <> 1743": "chain_id is text, so write chain_id <> '1743'.",
    "SELECT id FROM users WHERE chain_id IN (1743, 1783)": "chain_id is text, so write chain_id IN ('1743', '1783').",
    "SELECT id FROM users WHERE dt = DATE '2026-11-22'": "dt is text, so write dt = '2026-11-22'.",
    "SELECT id FROM users WHERE dt BETWEEN DATE '2026-11-20' AND DATE '2026-11-22'": (
        "dt is text, so write dt BETWEEN '2026-11-20' AND '2026-11-22'."
    ),
    "SELECT id FROM users WHERE dt > current_date": "dt is text, so write dt > CAST(current_date AS varchar).",
    "SELECT id FROM users WHERE id = '404097'": "id is a number, so write id = 404097.",
    "SELECT id FROM users WHERE id = ?": "id is a number, so write id = CAST(? AS bigint).",
    "SELECT id FROM users WHERE id > 'abc'": "id is a number, and 'abc' is text; write CAST(id AS varchar) > 'abc'.",
    "SELECT id FROM users WHERE birthday >= '1996-11-22'": (
        "birthday is a date, so write birthday >= DATE '1996-11-22'."
    ),
    "SELECT id FROM users WHERE created_date < '2026-01-01'": (
        "created_date is a timestamp, so write created_date < TIMESTAMP '2026-01-01'."
    ),
    "SELECT id FROM users WHERE opted_in = 'true'": "opted_in is true or false, so write opted_in = true.",
    "SELECT id FROM users WHERE opted_in = 1": "opted_in is true or false, so write opted_in = true.",
    "SELECT id FROM users WHERE opted_in AND id": "id is a number, and a condition is wanted.",
    "SELECT id FROM users WHERE birthday IS DISTINCT FROM ''": "birthday is a date, and '' is text",
    "SELECT id FROM users WHERE id LIKE '40%'": "id is a number, so write CAST(id AS varchar).",
    # joins, subqueries, sets
    "SELECT u.id FROM users u JOIN snapshots s ON s.dt = u.dt AND s.chain_id = 1743": "write s.chain_id = '1743'.",
    "SELECT u.id FROM users u JOIN snapshots s ON s.row_count = u.dt": "write CAST(s.row_count AS varchar) = u.dt.",
    "SELECT id FROM users WHERE id IN (SELECT country FROM users)": "bigint vs varchar",
    "WITH days AS (SELECT dt AS day FROM users) SELECT 1 FROM days WHERE day = 20261122": "write day = '20261122'.",
    "SELECT id FROM users UNION ALL SELECT country FROM users": (
        "column 1 in UNION query has incompatible types: bigint, varchar"
    ),
    "SELECT e.name FROM users_quality q CROSS JOIN UNNEST(q.cast_errors) AS e (name, errors) WHERE e.errors > '1'": (
        "e.errors is a number, so write e.errors > 1."
    ),
    # calculating
    "SELECT dt + 1 FROM users": "dt is text; for a number write CAST(dt AS double).",
    "SELECT birthday + 1 FROM users": "days are added as an interval: INTERVAL '1' DAY",
    "SELECT id FROM users WHERE current_date - birthday > 5": "write date_diff('day', from, to).",
    "SELECT id || country FROM users": "id is a number, so write CAST(id AS varchar).",
    # branches
    "SELECT coalesce(points_balance, 'none') FROM users": "write coalesce(CAST(points_balance AS varchar), 'none').",
    "SELECT CASE WHEN opted_in THEN 1 ELSE 'no' END FROM users": "All CASE results must be the same type",
    "SELECT CASE country WHEN 1 THEN 2 END FROM users": "write CASE country WHEN '1' THEN 2 END.",
    "SELECT if(opted_in, 1, 'no') FROM users": "Result types for IF must be the same type",
    "SELECT CASE WHEN id THEN 1 END FROM users": "id is a number, and a condition is wanted.",
    # fields of rows
    "SELECT raw.etagg FROM snapshots": "raw has no field etagg; did you mean etag?",
    "SELECT cast_errors.count FROM users_quality": "cast_errors is an array; CROSS JOIN UNNEST(cast_errors) makes rows",
    # functions
    "SELECT date_diff('days', birthday, current_date) FROM users": "write date_diff('day', …).",
    "SELECT date_trunc(month, last_login_date) FROM users": "write date_trunc('month', …).",
    "SELECT date_add('wk', 1, current_date)": "the unit is one of",
    "SELECT current_timestamp()": "write current_timestamp, without parentheses.",
    "SELECT count(DISTINCT chain_id, id) FROM users": "write count(DISTINCT (x, y)).",
    "SELECT listagg(country, ',') FROM users": "write listagg(x, ', ') WITHIN GROUP (ORDER BY x).",
    "SELECT dateadd(day, -7, current_date)": "write date_add('day', n, x).",
    "SELECT lower(id) FROM users": "id is a number; write CAST(id AS varchar).",
    "SELECT sum(country) FROM users": "country is text; write try_cast(country AS double).",
    "SELECT date_diff('day', dt, current_date) FROM users": "dt is text; write date(dt).",
    "SELECT strptime(dt, '%Y-%m-%d') FROM users": "strptime(…): write date_parse(text, format).",
    "SELECT ifnull(country, '') FROM users": "ifnull(…): write coalesce(x, y).",
    "SELECT list_agg(country) FROM users": "Function 'list_agg' not registered",
    "SELECT left(country, 1) FROM users": "write substr(text, 1, n).",
    # grouping
    "SELECT country, count(*) FROM users": "add it to GROUP BY, or write any_value(country).",
    "SELECT country, dt, count(*) FROM users GROUP BY country": "'dt' must be an aggregate expression",
    "SELECT country FROM users GROUP BY 1 ORDER BY id": "'id' must be an aggregate expression",
    "SELECT country AS land, count(*) FROM users GROUP BY land": "a name from SELECT is not known in WHERE, GROUP BY",
    "SELECT country, count(*) AS n FROM users GROUP BY 1 HAVING n > 1": "a name from SELECT is not known in WHERE",
    "SELECT country, count(*) FROM users GROUP BY 1 HAVING max(chain_id) = 1743": "write max(chain_id) = '1743'.",
    "SELECT country FROM users WHERE count(*) > 1 GROUP BY country": "put its condition into HAVING",
    "SELECT id FROM users WHERE row_number() OVER (ORDER BY id) = 1": "put the window function into a subquery",
    "SELECT DISTINCT country FROM users ORDER BY id": "add id to SELECT",
    # names
    "SELECT id AS 'User ID' FROM users": 'write AS "User ID".',
    'SELECT id FROM users WHERE country = "nl"': "double quotes name a column, and none is called so; text is 'nl'.",
    "SELECT city FROM users": "did you mean town_city?",
    "SELECT header FROM users": "users has no such column; it is in snapshots.",
    "SELECT id FROM members": "Table 'members' does not exist",
    "SELECT u.id FROM users u JOIN users v ON u.id = v.id WHERE country = 'NL'": "Column 'country' is ambiguous",
    "SELECT `id` FROM users": "backquoted identifiers are not supported",
    # grammar
    "SELECT id::varchar FROM users": "write CAST(x AS varchar).",
    "SELECT CAST(id AS string) FROM users": "text is called varchar",
    "SELECT CAST(points_balance AS float) FROM users": "write CAST(x AS double).",
    "SELECT CAST(dt AS datetime) FROM users": "write CAST(x AS timestamp).",
    "SELECT id FROM users WHERE opted_in IS TRUE": "write x, or x IS NOT DISTINCT FROM true.",
    "SELECT id FROM users WHERE opted_in IS NOT FALSE": "write x, or x IS NOT DISTINCT FROM true.",
    "SELECT id FROM users WHERE country LIKE ANY ('N%', 'B%')": "write x LIKE 'a%' OR x LIKE 'b%'.",
    "SELECT id FROM users WHERE country RLIKE 'N.*'": "write regexp_like(text, pattern).",
    "SELECT id FROM users WHERE country REGEXP 'N.*'": "write regexp_like(text, pattern).",
    "SELECT u.id FROM users u LEFT JOIN snapshots s": "write ON, or CROSS JOIN.",
    "SELECT id, FROM users": "a comma stands before FROM.",
    "SELECT id FROM users LIMIT 10, 20": "write OFFSET 10 LIMIT 20.",
    "SELECT id FROM users LIMIT 3 OFFSET 2": "write OFFSET first, then LIMIT.",
    "SELECT id FROM users WHERE country ILIKE 'nl'": "write lower(x) LIKE",
    "SELECT id FROM users WHERE id == 1": "it compares with a single =.",
    "SELECT current_date - INTERVAL 7 DAYS": "write INTERVAL '7' DAY",
    "SELECT current_date - INTERVAL '7 days'": "write INTERVAL '7' DAY",
    "SELECT [1, 2]": "write ARRAY[x, y].",
    "SELECT DISTINCT ON (country) id FROM users": "number the rows",
    "SELECT country, count(*) FROM users GROUP BY ALL": "name the columns",
    "SELECT * EXCLUDE (id) FROM users": "name the columns",
    "SELECT id FROM users SEMI JOIN snapshots USING (dt)": "write WHERE x IN",
    "SELECT id FROM users QUALIFY row_number() OVER (ORDER BY id) = 1": "put the window function into a subquery",
    "FROM users": "write SELECT * FROM",
    "SELECT 1; SELECT 2": "Only one sql statement is allowed",
    "SELECT id FROM users WHERE": "cannot be read",
    "SELECT 'open FROM users": "not closed",
}

ACCEPTED = [
    "SELECT id FROM users WHERE chain_id = '1743' AND dt IN ('2026-11-21', '2026-11-22')",
    "SELECT id FROM users WHERE CAST(dt AS date) = DATE '2026-11-22' AND date(dt) > birthday",
    "SELECT id FROM users WHERE dt >= CAST(current_date - INTERVAL '7' DAY AS varchar)",
    "SELECT id FROM users WHERE dt = ? AND id = CAST(? AS bigint) LIMIT ?",
    "SELECT id FROM users WHERE id = 404097 AND points_balance > 12 AND points_balance > 1e3 AND id < 12.5",
    "SELECT id FROM users WHERE created_date >= DATE '2026-01-01' AND birthday < TIMESTAMP '2026-01-01 00:00:00'",
    "SELECT id FROM users WHERE NOT opted_in AND referred = true AND country IS NOT NULL AND country <> ''",
    "SELECT id FROM users WHERE (chain_id, dt) IN (SELECT chain_id, max(dt) FROM users GROUP BY chain_id)",
    "SELECT u.id FROM users u WHERE EXISTS (SELECT 1 FROM snapshots s WHERE s.dt = u.dt AND s.row_count > 5)",
    "SELECT count(*) FROM users u JOIN users_quality q USING (chain_id, dt)",
    "SELECT id FROM users UNION ALL SELECT points_balance FROM users",
    "SELECT e.name, e.errors + 1 FROM users_quality q CROSS JOIN UNNEST(q.cast_errors) AS e (name, errors)",
    "SELECT x + 1 FROM (VALUES (1, 'a'), (2, 'b')) AS t (x, y) WHERE y = 'a'",
    "WITH a (x) AS (SELECT id FROM users) SELECT x + 1 FROM a",
    "SELECT birthday + INTERVAL '1' DAY, date_add('day', 1, birthday), 2 * INTERVAL '1' DAY FROM users",
    "SELECT id FROM users WHERE current_date - birthday > INTERVAL '7' DAY",
    "SELECT id FROM users WHERE date_diff('day', birthday, current_date) > 7",
    "SELECT lower(CAST(id AS varchar)) || country || chr(31) FROM users",
    "SELECT header || ARRAY['x'], concat(header, header), header[1], transform(header, x -> lower(x)) FROM snapshots",
    "SELECT coalesce(points_balance, 0), coalesce(country, NULL, '') FROM users",
    "SELECT CASE WHEN opted_in THEN 1 ELSE 1.5 END FROM users",
    "SELECT sum(if(opted_in, 1)), count(*) FILTER (WHERE opted_in), 1.0 * count(*) / 7 FROM users",
    "SELECT country, upper(country) || 'x', max(id) FROM users GROUP BY 1",
    "SELECT year(created_date) AS joined, count(*) FROM users GROUP BY year(created_date) ORDER BY joined",
    "SELECT country, sum(count(*)) OVER () FROM users GROUP BY country HAVING count(*) > 1 ORDER BY max(id)",
    "SELECT dt, country, count(*) FROM users GROUP BY ROLLUP (dt, country)",
    "SELECT u.*, row_number() OVER (PARTITION BY country ORDER BY id) AS n FROM users u",
    "SELECT listagg(country, ',') WITHIN GROUP (ORDER BY country), max_by(id, dt), checksum(id) FROM users",
    'SELECT "id" AS "nl" FROM users WHERE country = \'nl\' ORDER BY id OFFSET 2 LIMIT 3',
    "SELECT header_changes.reordered = true, raw.gzip_bytes / 1024 FROM snapshots",
    "SELECT from_iso8601_timestamp(completed_at) - from_iso8601_timestamp(started_at) FROM snapshots",
    "SELECT with_timezone(last_login_date, 'UTC') AT TIME ZONE 'Europe/Amsterdam' FROM users",
    "SELECT max(points_balance) OVER (ORDER BY dt ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM users",
    "SELECT id FROM users WHERE country = ANY (VALUES 'NL', 'BE')",
    "SELECT id FROM users WHERE points_balance >= ALL (SELECT points_balance FROM users)",
    "SELECT date_diff('year', birthday, current_date) AS age, count(*) FROM users GROUP BY 1"
    " HAVING date_diff('year', birthday, current_date) > 18",
    "SELECT date_diff('DAY', birthday, current_date), date_trunc('month', last_login_date) FROM users",
    "SELECT count(DISTINCT (chain_id, id)), current_timestamp(3) FROM users",
    "SELECT DISTINCT country, lower(language) AS l FROM users ORDER BY l, country, lower(language), 2",
    "SELECT DISTINCT u.country FROM users u ORDER BY country",
    "SELECT id FROM users WHERE dt = (SELECT max(dt) FROM users) AND NOT opted_in IS NULL",
    "SELECT CASE country WHEN 'NL' THEN 1 END, if(opted_in, 1), CASE WHEN opted_in THEN 1 END FROM users",
    "SELECT u.id FROM users u, snapshots s NATURAL JOIN users_quality CROSS JOIN users v WHERE u.dt = s.dt",
    "SELECT raw.etag, header_changes.added[1], filter(checks, c -> NOT c.passed) FROM snapshots",
    "SELECT CAST(points_balance AS real), CAST(id AS double) FROM users WHERE regexp_like(country, '^') LIMIT 1",
    "SELECT t.x FROM (SELECT id AS x FROM users) t GROUP BY t.x HAVING x > 1 AND count(*) > (SELECT 1)",
    "SELECT h FROM snapshots CROSS JOIN UNNEST(header) AS t (h) GROUP BY h HAVING h <> ''",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT count(*) FROM users TABLESAMPLE BERNOULLI (10);",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_athena_refuses_is_refused_with_its_cure(sql: str) -> None:
    with pytest.raises(Refused) as refusal:
        ATHENA.admit(sql)
    assert REFUSED[sql] in str(refusal.value)


@pytest.mark.parametrize("sql", ACCEPTED)
def test_what_athena_runs_passes(sql: str) -> None:
    assert ATHENA.admit(sql)


def test_whole_numbers_divide_as_in_athena() -> None:
    sql = "SELECT 7 / 2, -7 / 2, (9 / 2) / 2, 7 / 2.0, count_if(x > 1) / count(*) FROM (VALUES 1, 2) AS t (x)"
    answer = duckdb.execute(ATHENA.admit(sql).sql("duckdb")).fetchall()
    assert answer == [(3, -3, 2, 3.5, 0)]


@pytest.mark.parametrize("sql", ["SHOW TABLES", "EXPLAIN SELECT 1", "SUMMARIZE users", 'SELECT "$path" FROM users'])
def test_what_the_sandbox_cannot_play_is_not_said_to_be_wrong(sql: str) -> None:
    with pytest.raises(NotPlayed, match="played here"):
        ATHENA.admit(sql)


def test_the_command_says_what_athena_runs_and_what_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert all(line.startswith("Athena runs ") for line in capsys.readouterr().out.splitlines())
    assert main(["SELECT 1", "SELECT id FROM users WHERE chain_id = 1743"]) == 1
    runs, refused = capsys.readouterr().out.splitlines()
    assert runs == "Athena runs SELECT 1"
    assert "write chain_id = '1743'." in refused
