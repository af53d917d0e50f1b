-- What active orders brought in, by month and city.
SELECT CAST(DATE_TRUNC('month', created_at) AS DATE) AS month, city, SUM(price * quantity) AS revenue
FROM curated.orders
WHERE is_active = 1
GROUP BY DATE_TRUNC('month', created_at), city;
