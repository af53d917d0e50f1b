-- Distinct nights of confirmed stays in active apartments, by month, of all nights that the active
-- apartments could have been let. A stay counts in each month that one of its nights falls in.
SELECT
    sold.month,
    sold.nights AS nights_sold,
    offered.apartments * offered.days AS nights_offered,
    CAST(sold.nights * 1.0 / (offered.apartments * offered.days) AS DECIMAL(9, 6)) AS occupancy
FROM (
    SELECT month, COUNT(*) AS nights
    FROM (
        SELECT DISTINCT b.apartment_id, d.day, d.month
        FROM curated.fct_bookings AS b
        JOIN curated.dim_date AS d ON d.day >= b.checkin_date AND d.day < b.checkout_date
        JOIN curated.apartments AS a ON a.id = b.apartment_id
        WHERE b.booking_status = 'confirmed' AND a.is_active
    ) AS nights
    GROUP BY month
) AS sold
JOIN (
    SELECT d.month, COUNT(*) AS days, MAX(active.apartments) AS apartments
    FROM curated.dim_date AS d
    CROSS JOIN (SELECT COUNT(*) AS apartments FROM curated.apartments WHERE is_active) AS active
    GROUP BY d.month
) AS offered ON offered.month = sold.month
WHERE offered.apartments > 0;
