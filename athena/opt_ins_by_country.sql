-- Opt-ins of the last 30 days, by chain, country and day. As in users_latest, a day of which more than a tenth could not
-- be read is left out: its counts would be too low.
SELECT
  u.chain_id,
  u.dt,
  u.country,
  count(*) AS users,
  count_if(u.opted_in) AS opted_in,
  count_if(u.mailing_list_subscriber) AS mailing_list_subscribers,
  round(100.0 * count_if(u.opted_in) / count(*), 1) AS opted_in_percent
FROM users u
JOIN users_quality q ON q.chain_id = u.chain_id AND q.dt = u.dt
WHERE u.dt >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
  AND q.dt >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
  AND q.rejected_rows * 10 <= q.row_count
GROUP BY u.chain_id, u.dt, u.country
ORDER BY u.chain_id, u.dt DESC, users DESC, u.country
