"""Look-ups compared with an array of the complete numbering plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bloctel import Registry
from tests.helpers.scripts import script
from tests.oracles import plan_bitmap

if TYPE_CHECKING:
    import pytest

differential = script("differential")


def test_look_ups_agree_with_the_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """200,000 look-ups agree, and the exit code of the script is 0."""
    code = differential.main(["--look-ups", "200000", "--numbers", "20000"])

    assert code == 0
    look_ups, blocked, differences, _ = capsys.readouterr().out.split(", ")
    assert int(look_ups.split()[0].replace(",", "")) >= 200_000
    assert int(blocked.split()[0].replace(",", "")) > 10_000
    assert differences == "0 differences"


def test_the_oracle_detects_wrong_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that loses half of the numbers gives differences and exit code 1."""
    register = Registry.register_many

    def lose(self: Registry, numbers: Any, *, list: str, on: Any) -> object:
        return register(self, numbers[::2], list=list, on=on[::2])

    monkeypatch.setattr(Registry, "register_many", lose)
    monkeypatch.setattr(plan_bitmap, "_WITHDRAWN", 0)

    assert plan_bitmap.compare(2_000, 1_000, seed=1).differences > 100
    assert differential.main(["--look-ups", "2000", "--numbers", "1000"]) == 1
