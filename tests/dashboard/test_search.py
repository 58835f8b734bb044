"""The page of search, the field that leads to it, and what an address may say: names, filters, its version."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from dashboard.api import api
from etl.settings import Folders
from etl.store import current_path
from etl.tables import FACT_TABLES
from tests.dashboard.serving import REPOSITORY
from tests.helpers import ask, run
from tests.live import GRANTS

Open = Callable[..., AppTest]
LINK = re.compile(r"\[((?:\\.|[^\]])*)\]\(([^)]*)\)")


@pytest.fixture
def visit(pool: None) -> Open:
    """Opens a page with an address, as a reader does who follows a link."""

    def opened(name: str, **address: str | list[str]) -> AppTest:
        app = AppTest.from_file(REPOSITORY / "dashboard/streamlit_app.py", default_timeout=60)
        for key, value in address.items():
            app.query_params[key] = value
        app = app.switch_page(f"app_pages/{name}.py").run()
        assert not app.exception, [error.message for error in app.exception]
        return app

    return opened


@pytest.fixture
def whole(built_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(built_folders.data))
    return built_folders


@pytest.fixture
def granted(granted_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setenv("HMA_DATA", str(granted_folders.data))
    return granted_folders


def links(app: AppTest) -> dict[str, str]:
    """What the main part of a page links to, by the words of the link."""
    texts = [str(box.value) for box in app.main.markdown]
    texts += [str(cell) for table in app.table for cell in table.value.to_numpy().ravel()]
    return {label.replace("\\", ""): url for text in texts for label, url in LINK.findall(text)}


def warnings(app: AppTest) -> str:
    return "\n".join(box.value for box in app.main.warning).replace("\\", "")


# What is found


def test_a_word_finds_areas_organisations_series_sources_and_figures(
    granted: Folders, visit: Open
) -> None:
    found = visit("search", q="lao pdr")
    assert links(found)["Laos"] == "/country?area=LAO"
    assert next(box.value for box in found.header) == "Countries and areas"
    halo = visit("search", q="HALO")
    count = sum("HALO" in row["implementer"].upper() for row in GRANTS)
    assert links(halo)["HALO Trust"] == "/funding?implementer=HALO+Trust"
    assert f"{count} figures of money" in "\n".join(str(box.value) for box in halo.main.markdown)
    listing = links(visit("search", q="19.800"))
    titled = "Awards under Assistance Listing 19.800 (weapons removal and abatement)"
    assert listing[titled] == "/funding?series=assistance_listing_19_800"
    assert "/sources?source=usaspending" in listing.values()


@pytest.mark.parametrize("name", ["Laos", "Lao PDR", "LAO"])
def test_any_name_of_an_area_leads_to_all_its_figures_and_not_only_those_that_print_it(
    whole: Folders, visit: Open, name: str
) -> None:
    found = links(visit("search", q=name))
    for title, table in (("Money", "funding"), ("Casualties", "casualties")):
        ((count,),) = ask(whole, f"SELECT count(*) FROM {table} WHERE area = 'LAO'")
        assert found[f"{title}, {count:,}"] == f"/rows?of={table}&area=LAO"


def test_what_a_figure_says_has_its_unit(whole: Folders, visit: Open) -> None:
    del whole
    tables = visit("search", q="Laos").table
    said = [str(cell) for table in tables for cell in table.value["What it says"]]
    assert "35.71 percent" in [cell.replace("\\", "") for cell in said]


def test_a_figure_is_found_by_the_amount_that_its_source_prints_and_opens_its_page(
    whole: Folders, visit: Open
) -> None:
    query = "SELECT entry_id FROM funding WHERE amount_as_printed LIKE '%12,548%'"
    (entry_id,) = ask(whole, query)[0]
    found = visit("search", q="12,548")
    assert f"/entry?entry={entry_id}" in links(found).values()
    (table,) = [table for table in found.table if table.proto.alt.startswith("Money:")]
    assert "amount_as_printed: 12,548" in table.value["Where the words stand"][0].replace("\\", "")


def test_what_is_found_is_what_the_api_finds_in_the_same_order(whole: Folders, visit: Open) -> None:
    found = visit("search", q="halo trust")
    (table,) = [table for table in found.table if table.proto.alt.startswith("Money:")]
    shown = [
        parse_qs(urlsplit(LINK.findall(cell)[0][1]).query)["entry"][0]
        for cell in table.value["Figure"]
    ]
    path = links(found)["all of them as CSV"]
    with TestClient(api) as client:
        rows = client.get(path.removeprefix("/api/v1").replace(".csv", ".json")).json()["rows"]
    assert [row["entry_id"] for row in rows][: len(shown)] == shown
    assert len(shown) > 0


def test_a_name_of_a_figure_is_found_by_itself(whole: Folders, visit: Open) -> None:
    ((entry_id,),) = ask(whole, "SELECT min(entry_id) FROM casualties")
    assert links(visit("search", q=entry_id)) == {entry_id: f"/entry?entry={entry_id}"}


def test_nothing_found_says_why_and_what_to_try(whole: Folders, visit: Open) -> None:
    found = visit("search", q="Vietnan")
    assert "A gap means that no such text was read" in found.main.info[0].value
    assert links(found)["Vietnam"] == "/search?q=Vietnam"
    assert links(found)["HALO"] == "/search?q=HALO"
    assert not found.header


@pytest.mark.parametrize(
    "words", ["x", "%", "' OR 1=1 --", "<script>window.ran = 1</script>", "a " * 400]
)
def test_no_words_of_a_reader_break_the_page(whole: Folders, visit: Open, words: str) -> None:
    found = visit("search", q=words)
    assert [title.value for title in found.title] == ["Search"]
    assert not found.header
    assert found.main.warning or found.main.info


def test_without_words_the_page_says_what_it_finds_and_each_example_finds_something(
    whole: Folders, visit: Open
) -> None:
    empty = visit("search")
    examples = links(empty)
    assert len(examples) > 3
    for words in examples:
        assert visit("search", q=words).header, words


def test_an_earlier_refresh_is_searched_and_stays_in_the_links(past: Folders, visit: Open) -> None:
    then, now = visit("search", q="Found later", as_of="2"), visit("search", q="Found later")
    assert not [label for label in links(then) if "Found later" in label]
    assert [label for label in links(now) if "Found later" in label]
    asked = visit("search", q="Laos", as_of="1")
    inner = [url for url in links(asked).values() if url.startswith("/")]
    assert inner
    assert all("as_of=1" in url for url in inner)


def test_a_ledger_of_one_source_can_be_searched(workspace: Folders, visit: Open) -> None:
    run(workspace, "program_events")
    assert visit("search", q="memo").header
    nothing = visit("search", q="halo 12,548 xyz")
    assert nothing.main.info


def test_the_field_beside_every_page_leads_there(past: Folders, visit: Open) -> None:
    app = visit("about", as_of="1")
    app.sidebar.text_input(key="search_field").input("Laos").run()
    assert [title.value for title in app.title] == ["Search"]
    assert (app.query_params["q"], app.query_params["as_of"]) in (("Laos", "1"), (["Laos"], ["1"]))
    assert "Laos" in links(app)
    assert not [box for box in app.sidebar.text_input if box.key == "search_field"]


def test_every_table_of_figures_has_a_name_on_the_page_of_search() -> None:
    tree = ast.parse((REPOSITORY / "dashboard/app_pages/search.py").read_text(encoding="utf-8"))
    (named,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TABLES" and node.value
    ]
    assert set(named) == set(FACT_TABLES)


# Names in addresses


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [("country", "area", "lao pdr"), ("clearance", "area", "LAO PDR"), ("timeline", "area", "lao"),
     ("funding", "area", "Lao People's Democratic Republic"), ("casualties", "areas", "lao pdr"),
     ("reconciliation", "areas", "Viet Nam,lao pdr")],
)  # fmt: skip
def test_a_page_takes_any_spelling_of_an_area(
    whole: Folders, visit: Open, name: str, key: str, text: str
) -> None:
    app = visit(name, **{key: text})
    assert "There is no area" not in warnings(app)
    assert "Laos" in str(app.query_params[key])


def test_who_else_pays_takes_any_spelling_of_an_area(whole: Folders, visit: Open) -> None:
    app = visit("who_else_pays", area="lao pdr")
    assert "There is no area" not in warnings(app)
    assert app.query_params["area"] in ("LAO", ["LAO"])


def test_partners_take_any_spelling_of_an_organisation(granted: Folders, visit: Open) -> None:
    app = visit("partners", series="fa_obligations", partner="halo usa", area="viet nam")
    assert "There is no" not in warnings(app)
    assert [box.value for box in app.main.header] == ["HALO Trust in Vietnam"]


def test_a_page_offers_the_nearest_name_and_takes_none_by_itself(
    whole: Folders, visit: Open
) -> None:
    app = visit("country", area="Vietnan")
    assert [title.value for title in app.title] == ["Country"]
    assert warnings(app) == "There is no area Vietnan here. Did you mean Vietnam (VNM)?"
    known = visit("country", area="aruba")
    assert warnings(known).endswith("The ledger knows it, but holds no such figure of it.")


# The filters of the Funding page


def shown_rows(app: AppTest) -> int:
    """How many rows the page says it shows of how many."""
    (said,) = [
        str(box.value) for box in app.main.markdown if str(box.value).startswith(":small[Rows ")
    ]
    return int(re.findall(r"of ([\d,]+)", said)[0].replace(",", ""))


def test_every_filter_of_the_funding_page_is_the_apis_by_the_same_name(
    granted: Folders, visit: Open
) -> None:
    for address in (
        {"agency": "department of defense"}, {"implementer": "halo"}, {"sector": "clearance"},
        {"q": "halo trust"}, {"account": "DoD"}, {"source_id": "made_by_hand", "flow": "obligation"},
        {"area": "viet nam", "year.gte": "2016", "year.lte": "2016"},
    ):  # fmt: skip
        app = visit("funding", **address)
        with TestClient(api) as client:
            count = client.get("/funding/count", params=address).json()["row_count"]
        assert shown_rows(app) == count > 0, address
        assert not app.main.warning
        (download,) = [url for label, url in links(app).items() if label.startswith("Download")]
        asked = parse_qs(urlsplit(download).query)
        assert set(address) | {"grammar", "sort"} == set(asked)


def test_a_filter_that_means_nothing_is_said_so(whole: Folders, visit: Open) -> None:
    app = visit("funding", agency="Ministry of Nothing", sector="clearance", **{"year.gte": "soon"})
    assert "There is no agency Ministry of Nothing here." in warnings(app)
    assert "There is no year soon here." in warnings(app)
    wordless = visit("funding", q="%")
    assert "q takes words, and '%' holds no letter or digit." in warnings(wordless)
    assert not wordless.table


def test_earlier_names_of_the_filters_still_choose(whole: Folders, visit: Open) -> None:
    app = visit(
        "funding", areas="VNM", accounts="DoD", source="state_tweis", years=["2016", "2016"]
    )
    assert set(app.query_params) == {"area", "account", "source_id", "year.gte", "year.lte"}
    assert shown_rows(app) == shown_rows(
        visit("funding", area="VNM", account="DoD", source_id="state_tweis",
              **{"year.gte": "2016", "year.lte": "2016"})
    )  # fmt: skip


# The version of a link


def test_a_link_of_another_version_shows_all_it_asks_for_and_no_figure(
    whole: Folders, visit: Open
) -> None:
    app = visit("funding", grammar="2", area="VNM", account=["DoD", "CDC"], as_of="1")
    assert [title.value for title in app.title] == ["A link of another version"]
    assert "grammar=2 is a version of these filters that this server does not know" in warnings(app)
    said = "\n".join(str(box.value) for box in app.main.markdown).replace("\\", "")
    for part in ("- area: VNM", "- account: DoD, CDC", "- as_of: 1"):
        assert part in said
    assert not app.table
    here = links(app)["Read it as this server means it"]
    assert parse_qs(urlsplit(here).query) == {
        "area": ["VNM"], "account": ["DoD", "CDC"], "as_of": ["1"], "grammar": ["1"],
    }  # fmt: skip
    assert visit("funding", grammar="1", area="VNM").table


def test_every_link_to_keep_carries_the_version(whole: Folders, visit: Open) -> None:
    app = visit("country", area="VNM")
    copied = [str(block.value) for block in app.code if str(block.value).startswith("/")]
    assert copied
    digits = current_path(whole.ledger).stem.rpartition("-")[2]
    assert all(link.endswith(f"as_of=1&ledger={digits}&grammar=1") for link in copied)
    downloads = [url for url in links(app).values() if url.startswith("/api/v1/")]
    assert downloads
    assert all("grammar=1" in url for url in downloads)


def test_a_link_of_another_ledger_is_said_to_be_one(past: Folders, visit: Open) -> None:
    ((manifest,),) = ask(past, "SELECT parent_manifest_sha256 FROM refreshes WHERE refresh = 2")
    assert warnings(visit("about", as_of="1", ledger=manifest[:16])) == ""
    assert warnings(visit("about", as_of="1", ledger=manifest)) == ""
    other = visit("about", as_of="1", ledger="0123456789abcdef")
    said = warnings(other)
    assert said.startswith(
        "This link was made of another ledger: the manifest of its refresh 1 begins"
    )
    assert manifest in said
    other.sidebar.selectbox(key="as_of_chosen").select("2").run()
    assert "ledger" not in other.query_params
    assert "another ledger" not in warnings(other)
