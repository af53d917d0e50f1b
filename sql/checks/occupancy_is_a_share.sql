-- No more nights can be sold than are on offer.
SELECT month, occupancy FROM presentation.occupancy_rate_monthly WHERE occupancy < 0 OR occupancy > 1;
