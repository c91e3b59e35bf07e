-- View: the export as it was received, all text, of committed snapshots whose columns stand where the table has them.
-- For comparing with users, which is the table to query. Athena ends a row at a line break inside quotes, too: such users
-- are missing here (snapshots.rows_with_line_breaks counts them). Of what is left of their rows, the first part has no
-- last column and the others no id. So a user whose ID is empty or not a number is missing here, too.
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
