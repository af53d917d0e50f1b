"""A notebook as a Glue job: one readable script, one entry of settings, and its flaws.

The notebook is the only source. ``workbook export`` writes ``stepfunctions/jobs/``; ``--check``
only looks whether that is up to date.
"""
