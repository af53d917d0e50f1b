"""All that ships to AWS Glue. It knows AWS APIs, MySQL and the table contract; nothing else."""

__version__ = "0.1.0"
