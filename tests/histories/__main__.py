"""``python -m tests.histories --seed N``: play histories, and say what is wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.histories import play
from tests.histories.mutants import MUTANTS, planning_by
from workbench.mysql import server as mysql


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first history")
    parser.add_argument("--count", type=int, default=1, help="how many")
    parser.add_argument("--lanes", type=int, help="how many side by side")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="a planner that loses rows")
    parser.add_argument("--log", action="store_true", help="show what each session did")
    chosen = parser.parse_args()
    mutant = MUTANTS.get(chosen.mutant or "")
    lanes = chosen.lanes or (mutant.lanes if mutant else 10)
    begun, wrong = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as home:
        server = mysql.start(Path(home))
        try:
            with play.quick(server), planning_by(mutant.parts if mutant else {}):
                seeds = range(chosen.seed, chosen.seed + chosen.count)
                aim = (mutant.kind, mutant.temper) if mutant else None
                for result in play.play_all(server, seeds, lanes, aim):
                    wrong += bool(result.wrong)
                    if result.wrong or chosen.log:
                        print(f"after {time.monotonic() - begun:.1f} s: {result}")
        finally:
            mysql.stop(Path(home))
    print(f"{chosen.count} histories in {time.monotonic() - begun:.1f} s, {wrong} of them wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
