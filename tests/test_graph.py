"""The picture of a state machine: no line behind a box, a label at every branch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import cells, chart, graph, routing
from workbench.deployment import FOLDER
from workbench.graph import Arrow, Graph
from workbench.grid import HEIGHT, WIDTH, Point

DEFINITION: dict[str, Any] = json.loads((FOLDER / "pipeline.asl.json").read_text())
PIPELINE = graph.of(DEFINITION)
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom


def around(box: chart.Box) -> Rectangle:
    return (
        box.x - box.width / 2,
        box.y - box.height / 2,
        box.x + box.width / 2,
        box.y + box.height / 2,
    )


def overlap(one: Rectangle, two: Rectangle) -> bool:
    """More than an edge in common."""
    return all(one[n] < two[n + 2] and two[n] < one[n + 2] for n in (0, 1))


def lines(way: chart.Way) -> Iterator[Rectangle]:
    """Each stretch of an arrow, a hair wide."""
    for (x, y), (to_x, to_y) in pairwise(way.points):
        assert x == to_x or y == to_y
        yield min(x, to_x) - 0.1, min(y, to_y) - 0.1, max(x, to_x) + 0.1, max(y, to_y) + 0.1


def behind_boxes(drawn: chart.Chart) -> list[tuple[str, chart.Way]]:
    inside = [(box.name, around(box)) for box in drawn.boxes]
    shrunk = [(name, (x + 1, y + 1, to_x - 1, to_y - 1)) for name, (x, y, to_x, to_y) in inside]
    return [
        (name, way)
        for way in drawn.ways
        for line in lines(way)
        for name, box in shrunk
        if overlap(line, box)
    ]


def text(way: chart.Way) -> Rectangle:
    """Where its label stands, of letters as wide as they are on average."""
    (x, y), wide = way.place, 5.0 * len(way.label)
    left = x - wide if way.left else x
    return left, y - 7, left + wide, y + 2


def test_no_line_of_the_pipeline_passes_behind_a_box() -> None:
    assert behind_boxes(chart.draw(PIPELINE)) == []


def test_arrows_to_different_states_never_run_on_each_other() -> None:
    routes = routing.routes(cells.cells(PIPELINE), PIPELINE.arrows)
    taken: dict[str, list[Rectangle]] = {}
    for arrow, route in routes.items():
        points = route.points[:-1] if route.joins else route.points
        for (x, y), (to_x, to_y) in pairwise(points):
            line = (min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y))
            for end, others in taken.items():
                upright = [other for other in others if (other[0] == other[2]) == (x == to_x)]
                thick = (line[0] - 1, line[1] - 1, line[2] + 1, line[3] + 1)
                assert end == arrow.end or not any(overlap(thick, each) for each in upright)
            taken.setdefault(arrow.end, []).append(line)


def test_every_branch_has_a_label_and_no_label_lies_on_another_or_on_a_box() -> None:
    choices = {name for name, state in states(DEFINITION) if state["Type"] == "Choice"}
    for arrow in PIPELINE.arrows:
        assert arrow.label or (arrow.start not in choices and arrow.kind == "next"), arrow
        assert len(arrow.label) <= 20
    drawn = chart.draw(PIPELINE)
    labels = [text(way) for way in drawn.ways if way.label]
    assert not any(overlap(one, two) for n, one in enumerate(labels) for two in labels[:n])
    assert not any(overlap(label, around(box)) for label in labels for box in drawn.boxes)


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if state["Type"] == "Map":
            yield from states(state["ItemProcessor"])


NAMES = tuple(f"state {number}" for number in range(12))
ARROWS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(("next", "catch"))),
    max_size=20,
    unique_by=lambda arrow: arrow[:2],
)


@settings(max_examples=40, deadline=None)
@given(arrows=ARROWS, main=st.integers(1, 6), ends=st.sets(st.sampled_from(NAMES), max_size=3))
def test_no_line_of_any_graph_passes_behind_a_box(
    arrows: list[tuple[str, str, str]], main: int, ends: set[str]
) -> None:
    found = tuple(Arrow(*arrow, "when") for arrow in arrows)
    drawn = chart.draw(Graph(NAMES, found, {}, tuple(ends), NAMES[:main]))
    assert behind_boxes(drawn) == []
    assert len({(box.x, box.y) for box in drawn.boxes}) == len(NAMES)
    assert len(drawn.ways) == len(arrows)


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def test_a_loop_by_default_ends_the_way_to_success() -> None:
    rules = [{"Condition": "{% $done %}", "Next": "Done"}]
    made = graph.of(
        machine(
            Wait={"Type": "Wait", "Seconds": 1, "Next": "Ask"},
            Ask={"Type": "Choice", "Choices": rules, "Default": "Wait"},
            Done={"Type": "Succeed"},
        )
    )
    assert made.main == ("Wait", "Ask", "Done")
    assert Arrow("Ask", "Wait", "next", "else") in made.arrows
    assert behind_boxes(chart.draw(made)) == []


def test_the_branches_of_a_parallel_lead_to_what_follows_it() -> None:
    one, two = (machine(**{name: {"Type": "Pass", "End": True}}) for name in ("One", "Two"))
    made = graph.of(
        machine(
            Both={"Type": "Parallel", "Branches": [one, two], "Next": "Last"},
            Last={"Type": "Succeed"},
        )
    )
    assert {arrow[:2] for arrow in made.arrows} == {
        ("Both", "One"), ("Both", "Two"), ("One", "Last"), ("Two", "Last")
    }  # fmt: skip
    (frame,) = chart.draw(made).frames
    assert frame.label == "at once"


@pytest.mark.parametrize(
    ("catch", "label"),
    [
        ({"ErrorEquals": ["States.ALL"]}, "any error"),
        ({"ErrorEquals": ["S3.NoSuchKeyException", "S3.NoSuchBucket"]}, "NoSuchKey"),
        ({"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"]}, "ConditionalCheckF…"),
        ({"ErrorEquals": ["States.ALL"], "Comment": "lost"}, "lost"),
    ],
)
def test_a_catch_is_labelled_by_its_comment_or_its_error(catch: Any, label: str) -> None:
    caught = {"Type": "Pass", "Catch": [{**catch, "Next": "Bad"}], "Next": "Good"}
    made = graph.of(machine(Try=caught, Good={"Type": "Succeed"}, Bad={"Type": "Fail"}))
    assert [arrow.label for arrow in made.arrows if arrow.kind == "catch"] == [label]


def test_rules_that_lead_to_the_same_state_are_one_arrow_with_what_each_says() -> None:
    rules = [{"Condition": "x", "Comment": told, "Next": "Bad"} for told in ("old", "old", "new")]
    made = graph.of(
        machine(
            Ask={"Type": "Choice", "Choices": rules, "Default": "Good"},
            Good={"Type": "Succeed"},
            Bad={"Type": "Fail"},
        )
    )
    assert [arrow.label for arrow in made.arrows] == ["old or new", "else"]


def test_a_point_far_away_is_no_reason_to_go_through_a_box() -> None:
    """A grid with one row: the only way from the first to the last is around the one between."""
    at = {"one": (0, 0), "two": (1, 0), "three": (2, 0)}
    arrow = Arrow("one", "three", "next")
    (route,) = routing.routes(at, [arrow]).values()
    points: list[Point] = list(route.points)
    assert points[0][0] == WIDTH / 2 and len(points) >= 4
    assert any(abs(y) > HEIGHT / 2 for _, y in points)
