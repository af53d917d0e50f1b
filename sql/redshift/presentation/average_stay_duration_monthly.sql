-- Mean nights of confirmed stays, by the month of check-in.
SELECT
    CAST(DATE_TRUNC('month', checkin_date) AS DATE) AS month,
    COUNT(*) AS stays,
    CAST(AVG(nights * 1.0) AS DECIMAL(9, 3)) AS average_nights
FROM curated.fct_bookings
WHERE booking_status = 'confirmed'
GROUP BY CAST(DATE_TRUNC('month', checkin_date) AS DATE);
