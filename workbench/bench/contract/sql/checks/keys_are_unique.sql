-- Redshift declares keys but does not enforce them.
SELECT id FROM "raw".orders GROUP BY id HAVING COUNT(*) > 1;
