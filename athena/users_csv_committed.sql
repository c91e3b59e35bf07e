-- View: the export as it was received, all text, of committed snapshots whose columns stand where the table has them.
-- For comparing with users, which is the table to query. Athena ends a row at a line break inside quotes, too: such users
-- are missing here (snapshots.rows_with_line_breaks counts them). Of what is left of their rows, the first part has no
-- last column and the others no id. So a user whose ID is empty or not a number is missing here, too.
CREATE OR REPLACE VIEW users_csv_committed AS
SELECT
  c.id, c.first_name, c.last_name, c.email_username, c.facebook_email, c.other_email, c.facebook_id, c.gender,
  c.birthday, c.overall, c.recency, c.frequency, c.monetary, c.created_date, c.last_login_date,
  c.last_purchase_date, c.last_loyalty_activity_date, c.cashback_balance, c.brands_purchased, c.stores, c.opted_in,
  c.country, c.sign_up_store, c.postal_code, c.town_city, c.points_balance, c.authentication_point_id,
  c.mailing_list_subscriber, c.print_mailing_list_subscriber, c.loyalty_status_level, c.average_spend_value,
  c.days_since_last_purchase, c.number_of_purchases, c.offline_shopper, c.online_shopper, c.region_state,
  c.house_number, c.house_number_extension, c.address_line_2, c.address_line_3, c.phone_number, c.street_name,
  c.signup_channel, c.spaaza_join_date, c.spaaza_user_id, c.auxiliary_identifier, c.opt_in_secondary, c.registered,
  c.language, c.points_to_proceed_to_next_status_level, c.points_to_remain_at_current_status_level,
  c.last_review_date_of_loyalty_status, c.next_review_date_of_loyalty_status, c.date_loyalty_status_level_reached,
  c.subscribed_to_push_notifications, c.home_store_name, c.home_store_owner_code, c.referred, c.referring_user_id,
  c.referring_user_referral_code, c.user_referral_code, c.employee, c.last_modified_date, c.user_channel_identifier,
  c.user_channel_version, c.push_notification_platform, c.signup_store_code, c.influencer, c.chain_id, c.dt
FROM users_csv c
JOIN snapshots s ON s.chain_id = c.chain_id AND s.dt = c.dt
WHERE c.influencer IS NOT NULL
  AND try_cast(c.id AS bigint) IS NOT NULL
  AND slice(s.header, 1, 68) = ARRAY[
    'ID', 'First name', 'Last name', 'email (username)', 'Facebook email', 'Other email', 'Facebook ID', 'Gender',
    'Birthday', 'Overall', 'Recency', 'Frequency', 'Monetary', 'Created date', 'Last login date',
    'Last purchase date', 'Last loyalty activity date', 'Cashback Balance', 'Brands Purchased', 'Stores',
    'Opted-in', 'Country', 'Sign-up store', 'Postal code', 'Town/City', 'Points Balance',
    'Authentication Point ID', 'Mailing List Subscriber', 'Print Mailing List Subscriber', 'Loyalty Status Level',
    'Average Spend Value', 'Days Since Last Purchase', 'Number of Purchases', 'Offline Shopper', 'Online Shopper',
    'Region/State', 'House Number', 'House Number Extension', 'Address Line 2', 'Address Line 3', 'Phone Number',
    'Street Name', 'Signup Channel', 'Spaaza Join Date', 'Spaaza User ID', 'Auxiliary Identifier',
    'Opt in Secondary', 'Registered', 'Language', 'Points to Proceed to Next Status Level',
    'Points to Remain at Current Status Level', 'Last Review Date of Loyalty Status',
    'Next Review Date of Loyalty Status', 'Date Loyalty Status Level Reached', 'Subscribed to Push Notifications',
    'Home Store Name', 'Home Store Owner Code', 'Referred', 'Referring User Id', 'Referring User Referral Code',
    'User Referral Code', 'Employee', 'Last modified date', 'User channel identifier', 'User channel version',
    'Push notification platform', 'Signup Store Code', 'Influencer'
  ]
