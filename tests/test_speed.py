from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.answering.prompts import Prompt
from assistant.config import ModelSettings
from assistant.errors import ModelError
from assistant.evaluation.speed import _timed, measure

GUIDE = Prompt("Answer in a sentence.", "The sky is blue. " * 20, "What colour is the sky?")


@pytest.mark.slow
def test_a_real_model_is_measured(smollm_path: Path) -> None:
    second = replace(GUIDE, question="Is the sky red?")
    speed = measure(smollm_path, ModelSettings(context=512), GUIDE, second)
    assert speed.model == smollm_path.name
    assert 80 < speed.prompt_tokens < 512
    assert speed.read_per_s == pytest.approx(speed.prompt_tokens / speed.first_word_s, rel=0.2)
    assert speed.prepared_s > 0
    assert 0.1 < speed.ram_gb < 20
    assert set(speed.row()) > {"load_s", "written_per_s"}


def test_a_model_that_says_nothing_is_told() -> None:
    with pytest.raises(ModelError, match="says nothing"):
        _timed(["", ""])
