-- View: the latest snapshot of each chain, typed, if it is not older than seven days.
-- Which one that is, the small tables snapshots and users_quality know: a snapshot counts from when its own typed copy
-- is there, unless more than a tenth of its records could not be read (alarm parquet-unfit). The columns are named, because a view that says * breaks as soon as Spaaza adds one; a column of tomorrow
-- is in the table users at once.
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
  u.id, u.first_name, u.last_name, u.email_username, u.facebook_email, u.other_email, u.facebook_id, u.gender,
  u.birthday, u.overall, u.recency, u.frequency, u.monetary, u.created_date, u.last_login_date,
  u.last_purchase_date, u.last_loyalty_activity_date, u.cashback_balance, u.brands_purchased, u.stores, u.opted_in,
  u.country, u.sign_up_store, u.postal_code, u.town_city, u.points_balance, u.authentication_point_id,
  u.mailing_list_subscriber, u.print_mailing_list_subscriber, u.loyalty_status_level, u.average_spend_value,
  u.days_since_last_purchase, u.number_of_purchases, u.offline_shopper, u.online_shopper, u.region_state,
  u.house_number, u.house_number_extension, u.address_line_2, u.address_line_3, u.phone_number, u.street_name,
  u.signup_channel, u.spaaza_join_date, u.spaaza_user_id, u.auxiliary_identifier, u.opt_in_secondary, u.registered,
  u.language, u.points_to_proceed_to_next_status_level, u.points_to_remain_at_current_status_level,
  u.last_review_date_of_loyalty_status, u.next_review_date_of_loyalty_status, u.date_loyalty_status_level_reached,
  u.subscribed_to_push_notifications, u.home_store_name, u.home_store_owner_code, u.referred, u.referring_user_id,
  u.referring_user_referral_code, u.user_referral_code, u.employee, u.last_modified_date, u.user_channel_identifier,
  u.user_channel_version, u.push_notification_platform, u.signup_store_code, u.influencer, u._cast_errors,
  u.chain_id, u.dt
FROM users u
JOIN latest ON latest.chain_id = u.chain_id AND latest.dt = u.dt
WHERE u.dt >= date_format(current_date - INTERVAL '7' DAY, '%Y-%m-%d')
