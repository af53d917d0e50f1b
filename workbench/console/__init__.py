"""``workbook console``: pages to watch the pipeline on. They look, and change nothing."""
