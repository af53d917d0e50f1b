CREATE TABLE IF NOT EXISTS presentation.orders_daily (
    day DATE NOT NULL, orders BIGINT, quantity BIGINT
) DISTSTYLE ALL SORTKEY (day);
CREATE TABLE IF NOT EXISTS presentation.revenue_monthly (
    month DATE NOT NULL, city VARCHAR(160), revenue DECIMAL(18,2)
) DISTSTYLE ALL SORTKEY (month);
