-- Mean and median price in dollars of the listings that were on offer in a week: created on or
-- before its Sunday and active now. Weeks run from the first listing to the last change or booking.
SELECT
    w.week,
    COUNT(*) AS listings,
    CAST(AVG(a.price_usd) AS DECIMAL(18, 2)) AS average_usd,
    CAST(MEDIAN(a.price_usd) AS DECIMAL(18, 2)) AS median_usd
FROM (
    SELECT DISTINCT week FROM curated.dim_date
    WHERE day BETWEEN (SELECT CAST(MIN(listing_created_on) AS DATE) FROM curated.apartments)
        AND (SELECT CAST(MAX(last_modified_timestamp) AS DATE) FROM curated.apartments)
) AS w
JOIN curated.dim_apartments AS a ON CAST(a.listing_created_on AS DATE) <= DATEADD(day, 6, w.week)
WHERE a.is_active AND a.price_usd IS NOT NULL
GROUP BY w.week;
