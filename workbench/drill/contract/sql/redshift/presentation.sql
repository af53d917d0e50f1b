CREATE TABLE IF NOT EXISTS presentation.orders_daily (
    day DATE NOT NULL, orders BIGINT, quantity BIGINT
) DISTSTYLE ALL SORTKEY (day);
