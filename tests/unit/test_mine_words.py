"""The words that name a mine, a remnant or an improvised device, and the many that only sound like it."""

from __future__ import annotations

import polars as pl
import pytest

from etl.mine_words import devices, find, selection, words
from etl.tables import DEVICES

TRUE = {
    "landmine": (
        "Landmine kills three soldiers in Jaffna", "LAND-MINE BLAST IN CASAMANCE", "Vehicle runs over anti-tank mine",
        "Antipersonnel mines laid near the school", "Landmine kills five miners on their way to work",
        "Two children killed in a minefield", "Dos militares muertos por mina antipersonal",
        "Soldado cae en campo minado", "Des mines antipersonnel tuent un berger", "Minas terrestres matam dois",
        "Claymore mine targets bus",
    ),
    "explosive remnant": (
        "UXO explosion in Xieng Khouang", "Child killed by unexploded ordnance", "Unexploded mortar shell kills boy",
        "ERW accident in Helmand", "Explosive remnants of war claim another victim",
        "Niño muere por munición sin explotar", "Un engin non explosé tue deux enfants",
        "Cluster bomblets kill herders", "Leftover shell kills four",
    ),
    "mine in context": (
        "Bus hits mine, five dead", "Soldier stepped on a mine", "Mine blast kills four policemen",
        "Truck drove over a remote-controlled mine", "Killed by an old mine", "Mine explodes under a convoy",
        "Rebels planted mines on the road", "Patrol struck by blast after it triggered a hidden mine",
    ),
    "improvised device": (
        "IED attack on a convoy kills six", "Roadside bomb kills four", "Improvised explosive device found, two dead",
        "Three IEDs exploded",
    ),
}  # fmt: skip
FALSE = (
    "Explosion in coal mine kills 20", "Mine explosion kills 12 coal miners", "Gunmen attack gold mine, 30 killed",
    "Clashes undermine the peace talks", "Five killed in a 10 min. attack", "Mining company's guards shot",
    "Mine workers shot at Marikana", "A friend of mine was killed", "The land is mine, he said before he was shot",
    "Suicide VBIED kills ten", "Vehicle-borne IED kills ten", "Rebels attacked an illegal mine",
    "Attack on a mine in Katanga kills 12", "Mine-resistant vehicle attacked with gunfire",
    "Naval mine sinks a boat", "Troops determined to examine the site", "Mine collapse buries 12",
    "Miners strike, police open fire", "Rebels kill 12 in Mineiros", "Mine blast at the pit kills four",
    "Unexploded tensions in the south", "They died of famine", "Clash at a diamond mine and an open-pit mine",
    "Rebels of the Mining Weekly region hit mine", "Car bomb kills 9", "Shelling kills 4 near the mine shaft",
    "Undetermined gunmen", "Goldmine raid", "Minerals convoy ambushed", "Sniper shoots minesweeper crew", "",
)  # fmt: skip


def rules(*texts: str) -> list[str | None]:
    found = find(pl.DataFrame({"headline": texts}), ["headline"])
    return found["selection_rule"].to_list()


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule in TRUE for text in TRUE[rule]])
def test_a_text_that_names_one_is_taken_by_the_rule_for_it(rule: str, text: str) -> None:
    assert rules(text, text.upper(), f"Reuters ~ {text} ~ page 3") == [rule] * 3


@pytest.mark.parametrize("text", FALSE)
def test_a_word_that_only_sounds_like_one_takes_nothing(text: str) -> None:
    assert rules(text, text.upper(), f"{text}, report says") == [None] * 3


def test_all_columns_are_searched_and_the_words_that_were_found_stand_beside_the_rule() -> None:
    frame = pl.DataFrame(
        {
            "headline": ["Two dead near Goma", None, "Coal mine flooded"],
            "article": ["Agency: a Land Mine went off", None, "landmine nearby"],
            "id": [1, 2, 3],
        }
    )
    found = find(frame, ["headline", "article"])
    assert found["id"].to_list() == [1, 2, 3]
    assert found["selection_rule"].to_list() == ["landmine", None, "landmine"]
    assert found["words_found"].to_list() == ["land mine", None, "landmine"]


def test_each_rule_names_a_device_of_the_table_and_a_car_bomb_is_none() -> None:
    assert set(devices().values()) <= set(DEVICES)
    assert devices()["improvised device"] != devices()["landmine"], "not all of them are mines"
    assert list(words().rules) == list(TRUE), "every rule has its true sentences here, in order"


def test_a_column_that_is_no_name_never_stands_in_the_query() -> None:
    with pytest.raises(ValueError, match="cannot be the name of a column"):
        selection(['a"; DROP TABLE records; --'])
