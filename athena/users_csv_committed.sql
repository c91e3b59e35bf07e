-- View: the export as received, all text, of committed snapshots whose columns are in the table's order.
-- For comparison with users, which is the table to query. Athena also ends a row at a line break inside quotes: users
-- with one are missing here (snapshots.rows_with_line_breaks counts them). The view drops the pieces of their rows,
-- which lack the last column or the id. So users whose ID is empty or not a number are missing as well.
CREATE OR REPLACE VIEW users_csv_committed AS
SELECT
  /* documented columns of c */,
  c.chain_id, c.dt
FROM users_csv c
JOIN snapshots s ON s.chain_id = c.chain_id AND s.dt = c.dt
WHERE c.influencer IS NOT NULL
  AND try_cast(c.id AS bigint) IS NOT NULL
  AND slice(s.header, 1, 68) = ARRAY[
    /* documented names */
  ]
