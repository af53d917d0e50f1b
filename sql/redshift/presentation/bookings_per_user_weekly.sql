-- Confirmed bookings by user and the week of booking.
SELECT booking_week AS week, user_id, COUNT(*) AS bookings
FROM curated.fct_bookings
WHERE booking_status = 'confirmed'
GROUP BY booking_week, user_id;
