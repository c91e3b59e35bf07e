-- View: the latest snapshot of each chain, typed, if it is not older than seven days.
-- The small tables snapshots and users_quality say which one that is: a snapshot counts once its own typed copy is
-- there, unless more than a tenth of its records could not be read (alarm parquet-unfit). The columns are named because
-- a view with * breaks as soon as Spaaza adds one; the table users has a new column at once.
CREATE OR REPLACE VIEW users_latest AS
WITH latest AS (
  SELECT s.chain_id, max(s.dt) AS dt
  FROM snapshots s
  JOIN users_quality q ON q.chain_id = s.chain_id AND q.dt = s.dt AND q.run_id = s.run_id
  WHERE s.dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
    AND q.rejected_rows * 10 <= q.row_count
    AND q.dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
  GROUP BY s.chain_id
)
SELECT
  /* documented columns of u */,
  u._cast_errors, u.chain_id, u.dt
FROM users u
JOIN latest ON latest.chain_id = u.chain_id AND latest.dt = u.dt
WHERE u.dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
