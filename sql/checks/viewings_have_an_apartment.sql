-- Facts must join to a dimension, except where the apartment has been deleted from the source.
SELECT v.apartment_id, COUNT(*) AS viewings
FROM curated.apartment_viewings AS v
WHERE NOT EXISTS (SELECT 1 FROM "raw".apartments AS a WHERE a.id = v.apartment_id)
GROUP BY v.apartment_id;
