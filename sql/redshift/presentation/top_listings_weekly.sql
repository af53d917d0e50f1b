-- Confirmed revenue in dollars by apartment and the week of booking: the ten best places.
SELECT week, place, apartment_id, bookings, revenue_usd
FROM (
    SELECT
        booking_week AS week,
        DENSE_RANK() OVER (PARTITION BY booking_week ORDER BY SUM(total_usd) DESC) AS place,
        apartment_id,
        COUNT(*) AS bookings,
        SUM(total_usd) AS revenue_usd
    FROM curated.fct_bookings
    WHERE booking_status = 'confirmed' AND total_usd IS NOT NULL
    GROUP BY booking_week, apartment_id
) AS ranked
WHERE place <= 10;
