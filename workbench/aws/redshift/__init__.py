"""The Redshift Data API on DuckDB: Redshift's SQL, asynchronously, with Redshift's refusals."""
