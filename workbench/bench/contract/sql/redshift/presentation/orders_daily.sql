-- Orders and what they were of, by day.
SELECT CAST(created_at AS DATE) AS day, COUNT(*) AS orders, SUM(quantity) AS quantity
FROM curated.orders
GROUP BY CAST(created_at AS DATE);
