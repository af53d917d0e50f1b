-- Of the users with a confirmed booking in a month, those who had booked at most 30 days before it.
SELECT
    booking_month AS month,
    COUNT(DISTINCT user_id) AS customers,
    COUNT(DISTINCT CASE WHEN days_since <= 30 THEN user_id END) AS repeat_customers,
    CAST(COUNT(DISTINCT CASE WHEN days_since <= 30 THEN user_id END) * 1.0 / COUNT(DISTINCT user_id) AS DECIMAL(9, 6)) AS repeat_rate
FROM (
    SELECT
        booking_month, user_id,
        DATEDIFF(day, LAG(booking_date) OVER (PARTITION BY user_id ORDER BY booking_date, booking_id), booking_date) AS days_since
    FROM curated.fct_bookings
    WHERE booking_status = 'confirmed'
) AS gaps
GROUP BY booking_month;
