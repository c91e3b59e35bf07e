-- Values that did not fit the types of users in the last 30 days, by chain, day and column; and records left out.
-- The values themselves are in users._cast_errors.
SELECT chain_id, dt, name, errors, round(100e0 * errors / row_count, 3) AS percent_of_rows
FROM (
  SELECT q.chain_id, q.dt, q.row_count, e.name, e.errors
  FROM users_quality q
  CROSS JOIN UNNEST(q.cast_errors) AS e (name, errors)
  UNION ALL
  SELECT chain_id, dt, row_count, '(record left out)', rejected_rows
  FROM users_quality
  WHERE rejected_rows > 0
)
WHERE dt >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
ORDER BY chain_id, dt DESC, errors DESC, name
