"""Random histories: concurrent writers on a real server, runs and crashes in between.

A history is made from its seed and can be replayed: ``python -m tests.histories --seed N``.
After the last writer one quiescent run follows; then the copy must equal the source row by row.
"""
