-- Opt-ins of the last 30 days, by chain, country and day.
SELECT
  chain_id,
  dt,
  country,
  count(*) AS users,
  count_if(opted_in) AS opted_in,
  count_if(mailing_list_subscriber) AS mailing_list_subscribers,
  round(100.0 * count_if(opted_in) / count(*), 1) AS opted_in_percent
FROM users
WHERE dt >= date_format(current_date - INTERVAL '30' DAY, '%Y-%m-%d')
GROUP BY chain_id, dt, country
ORDER BY chain_id, dt DESC, users DESC, country
