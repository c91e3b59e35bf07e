-- Row counts and header changes of the last 90 days, by chain and day.
SELECT
  chain_id,
  dt,
  row_count,
  row_count - lag(row_count) OVER (PARTITION BY chain_id ORDER BY dt) AS more_rows,
  rows_with_line_breaks,
  array_join(header_changes.added, ', ') AS columns_added,
  array_join(header_changes.removed, ', ') AS columns_removed,
  header_changes.reordered AS columns_reordered
FROM snapshots
WHERE dt >= date_format(current_date - INTERVAL '90' DAY, '%Y-%m-%d')
ORDER BY chain_id, dt DESC
