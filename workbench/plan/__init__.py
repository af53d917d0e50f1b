"""``workbook plan``: what a run started now would move, and what it would cost on AWS."""
