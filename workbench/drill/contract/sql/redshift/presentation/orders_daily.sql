-- Orders and what they were of, by day.
SELECT ordered_on AS day, COUNT(*) AS orders, SUM(quantity) AS quantity
FROM curated.orders
GROUP BY ordered_on;
