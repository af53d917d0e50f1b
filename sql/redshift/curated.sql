-- What analysts query. The tables beneath hold one clean row for each row of the source.

-- An apartment with its attributes, its price in dollars at the rate of the day it was listed.
CREATE OR REPLACE VIEW curated.dim_apartments AS
SELECT
    a.id AS apartment_id, a.title, a.source, a.price, a.currency,
    CAST(CASE WHEN a.currency = 'USD' THEN a.price ELSE a.price * r.usd_per_unit END AS DECIMAL(18, 2)) AS price_usd,
    a.listing_created_on, a.is_active, a.last_modified_timestamp,
    t.category, t.bathrooms, t.bedrooms, t.square_feet, t.pets_allowed,
    t.cityname, t.state, t.latitude, t.longitude
FROM curated.apartments AS a
LEFT JOIN curated.apartment_attributes AS t ON t.id = a.id
LEFT JOIN curated.fx_rates AS r ON r.currency = a.currency AND r.rate_date = CAST(a.listing_created_on AS DATE)
WITH NO SCHEMA BINDING;

CREATE OR REPLACE VIEW curated.dim_users AS
SELECT user_id, MIN(seen) AS first_seen, MAX(seen) AS last_seen, SUM(viewing) AS viewings, SUM(booking) AS bookings
FROM (
    SELECT user_id, CAST(viewed_at AS DATE) AS seen, 1 AS viewing, 0 AS booking FROM curated.apartment_viewings
    UNION ALL
    SELECT user_id, booking_date AS seen, 0 AS viewing, 1 AS booking FROM curated.bookings
) AS activity
GROUP BY user_id
WITH NO SCHEMA BINDING;

CREATE OR REPLACE VIEW curated.fct_viewings AS
SELECT user_id, apartment_id, viewed_at, CAST(DATE_TRUNC('week', viewed_at) AS DATE) AS week, is_wishlisted, call_to_action
FROM curated.apartment_viewings
WITH NO SCHEMA BINDING;

-- A booking in dollars, at the rate of the day it was made.
CREATE OR REPLACE VIEW curated.fct_bookings AS
SELECT
    b.booking_id, b.user_id, b.apartment_id, b.booking_date, b.checkin_date, b.checkout_date,
    DATEDIFF(day, b.checkin_date, b.checkout_date) AS nights,
    CAST(DATE_TRUNC('week', b.booking_date) AS DATE) AS booking_week,
    CAST(DATE_TRUNC('month', b.booking_date) AS DATE) AS booking_month,
    b.booking_status, b.total_price, b.currency,
    CAST(CASE WHEN b.currency = 'USD' THEN b.total_price ELSE b.total_price * r.usd_per_unit END AS DECIMAL(18, 2)) AS total_usd
FROM curated.bookings AS b
LEFT JOIN curated.fx_rates AS r ON r.currency = b.currency AND r.rate_date = b.booking_date
WITH NO SCHEMA BINDING;
