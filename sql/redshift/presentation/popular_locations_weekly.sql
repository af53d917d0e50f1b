-- Confirmed bookings by city and state and the week of booking. Equal counts share a place.
SELECT week, place, cityname, state, bookings
FROM (
    SELECT
        b.booking_week AS week,
        DENSE_RANK() OVER (PARTITION BY b.booking_week ORDER BY COUNT(*) DESC) AS place,
        a.cityname, a.state,
        COUNT(*) AS bookings
    FROM curated.fct_bookings AS b
    JOIN curated.apartment_attributes AS a ON a.id = b.apartment_id
    WHERE b.booking_status = 'confirmed' AND a.cityname IS NOT NULL
    GROUP BY b.booking_week, a.cityname, a.state
) AS ranked
WHERE place <= 10;
