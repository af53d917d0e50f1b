"""What the bench tells: sections of prose and a table, made of measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.bench.experiments import MEMORY, PROPORTION, TURNS
from workbench.bench.figures import (
    GROUPS,
    LINES,
    MOVEMENT,
    Line,
    cpu,
    failures,
    highest,
    middle,
    missing,
    number,
    peak,
    ratio,
    split,
)
from workbench.bench.job import FULL, IDLE, INCREMENT, PHASES
from workbench.bench.measures import MB, RUN, Experiment
from workbench.bench.peers import LIMIT
from workbench.preparation import STAGES

BUSY = 0.2  # cores: what others may use without a word about it
COMMAND = "whole command"
PARTS = (*STAGES, "load raw", "load curated", "movement", "execution", COMMAND)


@dataclass(frozen=True)
class Section:
    """``notes`` follow the table."""

    title: str
    prose: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def made_of(experiments: Mapping[str, Experiment]) -> list[Section]:
    """In the order of the document. What was not measured has no section."""
    found = sorted(experiments.values(), key=lambda each: each.rows)
    turns = [each for each in found if each.name == TURNS]
    made = [
        *map(side_by_side, turns),
        extraction(turns),
        stages(turns),
        proportion([each for each in found if each.name == PROPORTION]),
        memory([each for each in found if each.name in (TURNS, MEMORY)]),
    ]
    return [section for section in made if section.rows]


def side_by_side(experiment: Experiment) -> Section:
    changed = " and ".join(f"{count:,} {what}" for what, count in experiment.changed.items())
    return Section(
        f"Side by side: {experiment.rows:,} rows",
        f"Medians of {experiment.rounds}; behind the full load its fastest and slowest. The "
        f"increment is {changed} rows; idle: nothing was new. × is against our movement.",
        ("", "full, s", "range", "×", "CPU, s", "peak, MB", "+1 %, s", "×", "idle, s"),
        [row for line in LINES for row in _row(experiment, line)],
        [*_busy(experiment), *_cold(experiment), *_absent(experiment), *failures(experiment)],
    )


def _absent(experiment: Experiment) -> Iterator[str]:
    return filter(None, (missing(experiment, line)[1] for line in LINES))


def _cold(experiment: Experiment) -> Iterator[str]:
    """Once a laptop's day, and no peer has it: so apart."""
    if experiment.of(RUN, "cold"):
        up, cold = (
            middle(one.seconds for one in experiment.of(RUN, name)) for name in ("up", "cold")
        )
        yield (
            f"Cold, not in the table: the local AWS starts in {number(up)} s, and the first run, "
            f"which starts a JVM and moves a small table, takes {number(cold)} s."
        )


def _busy(experiment: Experiment) -> Iterator[str]:
    if experiment.remark:
        yield f"**{experiment.remark}**"
    others = middle(each.others for each in experiment.measures) or 0.0
    if others > BUSY:
        yield (
            f"**Not a quiet machine**: others used {others:.1f} of its cores meanwhile. Times are "
            "too long; compare nothing by them."
        )


def _row(experiment: Experiment, line: Line) -> Iterator[tuple[str, ...]]:
    instead, _ = missing(experiment, line)
    if instead:
        yield (line.title, instead, *[""] * 7)
    elif times := line.seconds(experiment, FULL):
        full, more = middle(times), line.middle(experiment, INCREMENT)
        whole = not line.part  # CPU and memory are known of whole processes only
        yield (
            line.title,
            number(full),
            f"{number(min(times))}–{number(max(times))}",
            ratio(full, MOVEMENT.middle(experiment, FULL)),
            number(cpu(experiment, line.tool, FULL) if whole else None),
            number(peak(experiment, line.tool, FULL) if whole else None),
            number(more),
            ratio(more, MOVEMENT.middle(experiment, INCREMENT)),
            number(line.middle(experiment, IDLE)),
        )


def extraction(turns: Sequence[Experiment]) -> Section:
    """Per size: `mariadb -q`, and 01_extract in the same rounds."""
    ours = Line("extract", RUN, "01_extract", "01_extract")
    limit = Line(LIMIT.name, LIMIT.name, LIMIT.title)
    return Section(
        "Extraction beside `mariadb -q`",
        "The whole stage, with its job's start and the planning of the window. MB are InnoDB's.",
        ("rows", "", "s", "rows a second", "MB a second", "× of the limit's time"),
        [
            row
            for each in turns
            for line in (limit, ours)
            for row in _rate(each, line, limit.middle(each, FULL))
        ],
    )


def _rate(experiment: Experiment, line: Line, limit: float | None) -> Iterator[tuple[str, ...]]:
    if took := line.middle(experiment, FULL):
        rate = experiment.rows / took
        size = number(rate * experiment.row_bytes / MB)
        rows = f"{experiment.rows:,}"
        yield (rows, line.title, number(took), f"{rate:,.0f}", size, ratio(took, limit))


def stages(turns: Sequence[Experiment]) -> Section:
    """Where the time of our run goes."""
    runs = [(each, phase) for each in turns for phase in PHASES if each.of(RUN, phase)]
    return Section(
        "Where our time goes",
        "Medians in seconds. *load raw* and *load curated* are what 04_load's statements fill, "
        "each with half of its commit; movement is 01, 02 and load raw; execution is the state "
        "machine's time, the rest of the command deploys and reports. A dash is a stage that was "
        "not started.",
        ("", *(f"{each.rows:,} {phase}" for each, phase in runs)),
        [(part, *(number(_part(each, phase, part)) for each, phase in runs)) for part in PARTS]
        if runs
        else [],
    )


def _part(experiment: Experiment, phase: str, part: str) -> float | None:
    measures = experiment.of(RUN, phase)
    if part == COMMAND:
        return middle(each.seconds for each in measures)
    return middle(each.parts[part] for each in measures if part in each.parts)


def proportion(found: Sequence[Experiment]) -> Section:
    """An increment costs what changed, not what is there."""
    large = {each.rows: each for each in found}
    pairs = [(small, large.get(small.rows * 10)) for small in found]
    return Section(
        "The same changes on a tenth of the table",
        "`workbook run`, whole. The ratio says what the size of the table costs; 1 is nothing. "
        "Both tables lie in the source's buffer pool, as in Aurora's: into the 128 MB of the rest "
        "of this page only the smaller one goes, and how MariaDB reads pages would be compared.",
        ("rows", "changed", "+1 % of the larger, s", "peak, MB", "×"),
        [row for small, big in pairs if big for row in _pair(small, big)],
    )


def _pair(small: Experiment, big: Experiment) -> Iterator[tuple[str, ...]]:
    one = middle(each.seconds for each in small.of(RUN, INCREMENT))
    for each in (small, big):
        took = middle(measure.seconds for measure in each.of(RUN, INCREMENT))
        yield (
            f"{each.rows:,}",
            f"{sum(each.changed.values()):,}",
            number(took),
            number(peak(each, RUN, INCREMENT)),
            ratio(took, one),
        )


def memory(found: Sequence[Experiment]) -> Section:
    """What the peak of our full load is made of."""
    measured = [(each, highest(each, RUN, FULL)) for each in found]
    return Section(
        "Peak memory of our full load",
        "MB, shared pages counted once, at the moment when all processes together had the most: "
        "up to the end of extraction, and of the whole run. *warehouse* is the process of the "
        "local AWS with DuckDB in it; on AWS it is Redshift.",
        ("rows", "up to the end of", "peak, MB", *GROUPS),
        [
            (
                f"{each.rows:,}",
                end,
                number(sum(sizes.values()) / MB),
                *map(number, split(sizes).values()),
            )
            for each, one in measured
            if one
            for end, sizes in (("01_extract", one.extracting), ("the run", one.at_peak))
            if sizes
        ],
    )
