-- View: for each chain its last snapshot of the last 90 days, the day that users_latest shows, and why it is not today's.
-- State: current; missing (no snapshot today or yesterday); no typed copy (not converted yet, the conversion failed, or
-- it was erased with a person); unfit (more than a tenth of its records could not be read). A held snapshot is not
-- committed, so it counts as missing.
CREATE OR REPLACE VIEW snapshot_status AS
WITH days AS (
  SELECT
    s.chain_id,
    s.dt,
    s.row_count,
    date_diff('day', CAST(s.dt AS date), current_date) AS days_ago,
    q.run_id IS NOT NULL AS is_typed,
    coalesce(q.rejected_rows * 10 > q.row_count, false) AS is_unfit,
    q.rejected_rows,
    row_number() OVER (PARTITION BY s.chain_id ORDER BY s.dt DESC) AS number
  FROM snapshots s
  LEFT JOIN users_quality q ON q.chain_id = s.chain_id AND q.dt = s.dt AND q.run_id = s.run_id
    AND q.dt >= date_format(current_date - INTERVAL '90' DAY, '%Y-%m-%d')
  WHERE s.dt >= date_format(current_date - INTERVAL '90' DAY, '%Y-%m-%d')
), shown AS (
  SELECT chain_id, max(dt) AS dt FROM days WHERE is_typed AND NOT is_unfit AND days_ago <= 7 GROUP BY chain_id
)
SELECT
  days.chain_id,
  days.dt AS last_snapshot,
  days.row_count,
  shown.dt AS shown_in_users_latest,
  CASE
    WHEN days.days_ago > 1 THEN 'missing'
    WHEN NOT days.is_typed THEN 'no typed copy'
    WHEN days.is_unfit THEN 'unfit'
    ELSE 'current'
  END AS state,
  concat_ws(
    '; ',
    if(days.days_ago > 1, 'no snapshot for ' || CAST(days.days_ago AS varchar) || ' days: it is missing, held or damaged'),
    if(NOT days.is_typed, 'the last snapshot has no typed copy'),
    if(days.is_unfit, CAST(days.rejected_rows AS varchar) || ' records of the last snapshot could not be read'),
    if(shown.dt IS NULL, 'users_latest shows nothing, because no sound day is at most 7 days old')
  ) AS reason
FROM days
LEFT JOIN shown ON shown.chain_id = days.chain_id
WHERE days.number = 1
