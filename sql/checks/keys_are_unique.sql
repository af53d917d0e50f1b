-- Redshift declares keys but does not enforce them.
SELECT 'apartments' AS table_name, CAST(id AS VARCHAR(64)) AS key FROM "raw".apartments GROUP BY id HAVING COUNT(*) > 1
UNION ALL
SELECT 'apartment_attributes', CAST(id AS VARCHAR(64)) FROM "raw".apartment_attributes GROUP BY id HAVING COUNT(*) > 1
UNION ALL
SELECT 'bookings', CAST(booking_id AS VARCHAR(64)) FROM "raw".bookings GROUP BY booking_id HAVING COUNT(*) > 1;
