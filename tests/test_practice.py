from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from assistant.coaching.practice import (
    MOST_AT_ONCE,
    Round,
    Task,
    load_messages,
    message_tasks,
    order_tasks,
    press_tasks,
    step_of,
)
from assistant.config import CHECKOUT
from assistant.datatypes import Guide, Step
from assistant.errors import KnowledgeError
from assistant.knowledge.facts import load_shared_facts
from assistant.knowledge.guides import read_guide
from assistant.text.normalize import sentences
from assistant.toml import read_toml

MESSAGES = load_messages(CHECKOUT / "knowledge" / "scams.toml")
TILES = read_toml(CHECKOUT / "prompts" / "practice.toml")["tile"]
STEPS = (
    Step("Mở VNeID [1]."),
    Step("Bấm “Gửi” [1].", "Không thấy thì bấm “Nộp”."),
    Step("Đọc dòng “Cam kết” rồi chọn “Đồng ý” [2]."),
    Step("Bấm “Kết thúc”."),
    Step("Cất điện thoại."),
    Step("Nhớ mã hồ sơ."),
)


@pytest.fixture(scope="module")
def guides() -> dict[str, Guide]:
    """The guides of the tiles."""
    knowledge = CHECKOUT / "knowledge"
    facts = load_shared_facts(knowledge, knowledge / "no-overlay")
    paths = {path.stem: path for path in (knowledge / "guides").rglob("*.md")}
    return {tile["guide"]: read_guide(paths[tile["guide"]], facts) for tile in TILES}


# Exercises from steps


def test_the_button_to_press_stands_among_buttons_of_other_steps() -> None:
    tasks = press_tasks(STEPS, 1)
    assert [task.steps for task in tasks] == [(1,), (2,), (3,)]
    assert [task.buttons[task.right[0]] for task in tasks] == ["Gửi", "Đồng ý", "Kết thúc"]
    assert "Nộp" not in tasks[0].buttons  # would be right, too
    assert "Cam kết" not in tasks[1].buttons
    assert all(len(set(task.buttons)) == len(task.buttons) >= 3 for task in tasks)


def test_a_guide_with_too_few_buttons_makes_no_screens() -> None:
    assert press_tasks(STEPS[:2], 1) == ()


def test_a_label_that_is_only_read_is_not_pressed() -> None:
    steps = (Step("Thấy chữ “Đã xong” là được."), *STEPS[1:4])
    assert 0 not in {task.steps[0] for task in press_tasks(steps, 1)}


def test_where_a_wrong_button_belongs_is_known() -> None:
    assert step_of(STEPS, "Kết thúc") == 3
    assert step_of(STEPS, "Nộp") is None


@pytest.mark.parametrize("count", range(2, 18))
def test_steps_come_a_few_at_a_time_out_of_order_and_can_be_put_in_order(count: int) -> None:
    steps = tuple(Step(f"Bước {number} [1].") for number in range(count))
    tasks = order_tasks(steps, count)
    assert [place for task in tasks for place in task.steps] == list(range(count))
    for task in tasks:
        assert 2 <= len(task.buttons) <= MOST_AT_ONCE
        assert task.right != tuple(range(len(task.right)))
        assert [task.buttons[at] for at in task.right] == [f"Bước {place}." for place in task.steps]


def test_one_step_makes_no_order() -> None:
    assert order_tasks(STEPS[:1], 1) == ()


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile["guide"])
def test_every_tile_opens_a_guide_that_can_be_practised(
    tile: dict[str, str], guides: dict[str, Guide]
) -> None:
    steps = guides[tile["guide"]].steps
    assert len(press_tasks(steps, 3)) >= 2
    assert order_tasks(steps, 3)
    assert (CHECKOUT / "assistant/web/static/icons" / f"{tile['icon']}.svg").exists()


# Messages


def test_there_are_thirty_messages_and_enough_genuine_ones() -> None:
    assert len(MESSAGES) >= 30
    assert sum(not message.scam for message in MESSAGES) >= 10
    assert len({message.text for message in MESSAGES}) == len(MESSAGES)


def test_no_message_holds_a_number_to_call_a_link_or_an_account() -> None:
    for message in MESSAGES:
        told = re.sub(r"\d+\.000 đồng", "", f"{message.sender} {message.text}")
        assert not re.search(r"https?:|www\.|\.(?:vn|com|net)\b|\d(?:[ .]?\d){5,}", told), told


def test_every_message_says_why_in_short_sentences_and_names_its_source() -> None:
    for message in MESSAGES:
        assert message.source.title
        assert all(len(sentence.split()) <= 28 for sentence in sentences(message.why)), message.why


def test_some_messages_are_drawn_with_the_share_of_scams() -> None:
    tasks = message_tasks(MESSAGES, 10, ("Lừa", "Thật"), 5)
    assert len({task.message for task in tasks}) == 10
    assert sum(task.right == (0,) for task in tasks) == 6
    assert all((task.right == (0,)) == (task.message is not None and task.message.scam) for task in tasks)


@pytest.mark.parametrize(
    "text",
    [
        '[[case]]\nfrom = "a"',
        '[[case]]\nfrom = "a"\ntext = "b"\nscam = true\nwhy = "c"\nsource = "d"',
        "x = 1",
    ],
)
def test_broken_messages_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scams.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeError):
        load_messages(path)


# Rounds


def test_a_task_counts_if_it_is_done_at_the_first_try() -> None:
    first, second = Task(("a", "b"), (0,)), Task(("a", "b"), (1,))
    round_ = Round((first, second))
    round_.press(1)
    assert round_.wrong == 1
    round_.go_on()  # not solved yet
    assert round_.at == 0
    round_.press(0)
    assert round_.is_solved
    round_.go_on()
    round_.press(1)
    round_.press(0)  # it is solved: nothing changes
    round_.go_on()
    assert round_.is_over
    assert round_.right == 1


def test_steps_are_pressed_one_after_the_other() -> None:
    round_ = Round((Task(("zwei", "drei", "eins"), (2, 0, 1)),))
    for button in (2, 1, 0, 0, 1):
        round_.press(button)
    assert round_.pressed == [2, 0, 1]
    assert round_.is_solved
    assert round_.right == 0  # one press was wrong


def test_a_message_is_told_after_one_try() -> None:
    round_ = Round(message_tasks(MESSAGES, 2, ("Lừa", "Thật"), 1))
    round_.press(1 - round_.task.right[0])
    assert round_.is_solved
    assert round_.missed
    round_.press(round_.task.right[0])
    round_.go_on()
    assert (round_.at, round_.right) == (1, 0)


def test_presses_that_cannot_be_change_nothing() -> None:
    random = Random(4)
    round_ = Round(order_tasks(STEPS, 4))
    for _ in range(300):
        round_.press(random.randrange(8))
        round_.go_on()
    assert round_.is_over
    round_.press(0)
    assert 0 <= round_.right <= len(round_.tasks)
