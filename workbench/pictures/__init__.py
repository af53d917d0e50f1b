"""``workbook pictures``: one picture a stage for ``images/``, of notebooks that have really run."""
