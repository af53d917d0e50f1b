-- One table for each indicator. Small and read whole: on every node, sorted by period.
CREATE TABLE IF NOT EXISTS presentation.average_listing_price_weekly (
    week DATE NOT NULL, listings BIGINT, average_usd DECIMAL(18, 2), median_usd DECIMAL(18, 2)
) DISTSTYLE ALL SORTKEY (week);

CREATE TABLE IF NOT EXISTS presentation.occupancy_rate_monthly (
    month DATE NOT NULL, nights_sold BIGINT, nights_offered BIGINT, occupancy DECIMAL(9, 6)
) DISTSTYLE ALL SORTKEY (month);

CREATE TABLE IF NOT EXISTS presentation.popular_locations_weekly (
    week DATE NOT NULL, place INTEGER NOT NULL, cityname VARCHAR(400), state VARCHAR(200), bookings BIGINT
) DISTSTYLE ALL SORTKEY (week, place);

CREATE TABLE IF NOT EXISTS presentation.top_listings_weekly (
    week DATE NOT NULL, place INTEGER NOT NULL, apartment_id BIGINT NOT NULL, bookings BIGINT, revenue_usd DECIMAL(18, 2)
) DISTKEY (apartment_id) SORTKEY (week, place);

CREATE TABLE IF NOT EXISTS presentation.bookings_per_user_weekly (
    week DATE NOT NULL, user_id INTEGER NOT NULL, bookings BIGINT
) DISTKEY (user_id) SORTKEY (week);

CREATE TABLE IF NOT EXISTS presentation.average_stay_duration_monthly (
    month DATE NOT NULL, stays BIGINT, average_nights DECIMAL(9, 3)
) DISTSTYLE ALL SORTKEY (month);

CREATE TABLE IF NOT EXISTS presentation.repeat_customer_rate_monthly (
    month DATE NOT NULL, customers BIGINT, repeat_customers BIGINT, repeat_rate DECIMAL(9, 6)
) DISTSTYLE ALL SORTKEY (month);
