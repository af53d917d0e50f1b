-- The rental marketplace as its application keeps it. Runs on MySQL 8, Aurora MySQL 3 and MariaDB.
-- Like many real sources it has keys and nothing else: every other column may be NULL, no foreign
-- keys, no index on the column that tells what changed.

CREATE TABLE IF NOT EXISTS apartments (
    id                      BIGINT NOT NULL,
    title                   VARCHAR(255),
    source                  VARCHAR(50),
    price                   DECIMAL(10, 2),
    currency                VARCHAR(10),
    listing_created_on      DATETIME,
    is_active               BOOLEAN,
    last_modified_timestamp DATETIME,
    PRIMARY KEY (id)
);

-- One row per apartment, without a stamp: changes show only by comparing the whole table.
CREATE TABLE IF NOT EXISTS apartment_attributes (
    id            BIGINT NOT NULL,
    category      VARCHAR(255),
    body          TEXT,
    amenities     TEXT,
    bathrooms     DECIMAL(3, 1),
    bedrooms      DECIMAL(3, 1),
    fee           DECIMAL(10, 2),
    has_photo     VARCHAR(10),
    pets_allowed  VARCHAR(255),
    price_display VARCHAR(255),
    price_type    VARCHAR(50),
    square_feet   INT,
    address       VARCHAR(255),
    cityname      VARCHAR(100),
    state         VARCHAR(50),
    latitude      DECIMAL(10, 7),
    longitude     DECIMAL(10, 7),
    PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS apartment_viewings (
    user_id        INT NOT NULL,
    apartment_id   BIGINT NOT NULL,
    viewed_at      DATETIME NOT NULL,
    is_wishlisted  CHAR(1),
    call_to_action VARCHAR(50),
    PRIMARY KEY (user_id, apartment_id, viewed_at)
);

-- The server keeps updated_at: without it a change of booking_status could not be seen.
CREATE TABLE IF NOT EXISTS bookings (
    booking_id     BIGINT NOT NULL,
    user_id        INT,
    apartment_id   BIGINT,
    booking_date   DATE,
    checkin_date   DATE,
    checkout_date  DATE,
    total_price    DECIMAL(10, 2),
    currency       VARCHAR(3),
    booking_status VARCHAR(20),
    updated_at     DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (booking_id)
);

-- What one unit of a currency was worth in US dollars on a day.
CREATE TABLE IF NOT EXISTS fx_rates (
    rate_date    DATE NOT NULL,
    currency     VARCHAR(3) NOT NULL,
    usd_per_unit DECIMAL(18, 8),
    PRIMARY KEY (rate_date, currency)
);
