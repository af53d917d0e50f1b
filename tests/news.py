"""One table with news: of the eighteen job runs of a run with five such tables, ten are left."""

from __future__ import annotations

from workbench.mysql.server import Server
from workbench.stack import DATABASE


def of_bookings(server: Server) -> int:
    """Change twenty of them; returns how many there were."""
    with server.cursor(DATABASE) as cursor:
        return cursor.execute(
            "UPDATE bookings SET total_price = total_price + 1 ORDER BY booking_id LIMIT 20"
        )
