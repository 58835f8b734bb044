"""What the README says is so: its commands run, its addresses answer, its figures are in the answers.

Figures that a reader may quote stand in bold in the README, in the same section as the API address
that gives them; the tests below fetch that address from a served ledger and look for the figure.
"""

from __future__ import annotations

import ast
import csv
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import duckdb
import httpx
import pytest
from PIL import Image

from dashboard.filters import OPERATORS
from etl import cli, console
from etl.config import ApiConfig, FetchConfig, SourceConfig
from etl.settings import Folders
from etl.sources import all_sources
from etl.tables import FACT_TABLES
from tests.helpers import DATA, Row, rewrite, run, select

ROOT = DATA.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LOCAL = "http://127.0.0.1:8501"
HMA = (sys.executable, "-c", "from etl.cli import main; main()")
# Columns whose numbers the README quotes; an id or a line number is never taken for a figure.
FIGURES = {
    "amount_usd", "printed_total_usd", "accounts_sum_usd", "us_usd", "all_donors_usd",
    "us_share_percent", "donors_count", "total", "killed", "injured", "summary",
}  # fmt: skip

COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
SECTIONS = dict(
    zip(*[iter(re.split(r"^##+ (.+)$", README, flags=re.MULTILINE)[1:])] * 2, strict=True)
)
ADDRESSES = re.findall(rf"{LOCAL}[^\s`'\"<>()]*", README)
API = [address for address in ADDRESSES if "/api/" in address]
PAGES = list(dict.fromkeys(address.rstrip(".,") for address in ADDRESSES if "/api/" not in address))
BOLD = re.compile(r"\*\*\$?([\d,]+(?:\.\d+)?)\*\*")
NAMED = re.compile(r"(?:to |and |, |among them )([A-Z]\w+(?: [A-Z]\w+)?) \(\*\*\$([\d,]+)\*\*\)")


def table(section: str, column: int = 0) -> list[str]:
    """The cells of one column of a section's tables, headings left out."""
    rows = [line.strip().strip("|").split(" | ") for line in SECTIONS[section].splitlines()
            if line.startswith("|") and not line.startswith("|---")]  # fmt: skip
    return [row[column].strip() for row in rows]


def environment(data: Path) -> dict[str, str]:
    return os.environ | {"HMA_DATA": str(data), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[str]:
    """``hma serve`` with the README's arguments but a free port; the address it answers at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    given = list(arguments)
    if "--port" in given:
        given[given.index("--port") + 1] = port
    else:
        given += ["--port", port]
    server = subprocess.Popen(
        [*HMA, *given], env=environment(data), cwd=data,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{address}/healthz").raise_for_status()
                break
            except httpx.TransportError:
                assert server.poll() is None, "hma serve ended"
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def served(built_folders: Folders) -> Iterator[str]:
    with serving(built_folders.data, "serve") as address:
        yield address


def answer(served: str, address: str) -> list[Row]:
    """The rows that an address of the README gives."""
    reply = httpx.get(address.replace(LOCAL, served), timeout=30)
    assert reply.status_code == 200, f"{address}: {reply.text}"
    return list(csv.DictReader(io.StringIO(reply.text)))


def numbers(rows: list[Row]) -> set[Decimal]:
    """Every figure an answer gives: cells, the sum of dollars, how many rows, how many areas."""
    found = {Decimal(len(rows))}
    if rows and "area" in rows[0]:
        found.add(Decimal(len({row["area"] for row in rows})))
    if rows and "amount_usd" in rows[0]:
        found.add(sum((Decimal(row["amount_usd"] or 0) for row in rows), Decimal(0)))
    for row in rows:
        for column in FIGURES & set(row):
            for word in re.findall(r"\d[\d,]*(?:\.\d+)?", row[column]):
                found.add(Decimal(word.replace(",", "")))
    return found


# ---- commands


@pytest.mark.parametrize("command", [line for line in COMMANDS if "hma " in line])
def test_every_hma_command_of_the_readme_runs(
    command: str, published: Folders, request: pytest.FixtureRequest
) -> None:
    settings, arguments = parsed(command)
    if arguments[0] == "migrate":
        lake = request.getfixturevalue("postgres").lake(published.data / "lake")
        arguments[1] = f"ducklake:postgres:{lake.catalog}"
    if arguments[0] == "migrate-archive":
        arguments[1] = request.getfixturevalue("s3").address()
    if arguments[0] in {"accept", "reject"}:
        arguments[2] = put_on_hold(published, arguments[1])
    if arguments[0] == "rebuild":
        hma(published.data, {}, "export", arguments[1])
    if arguments[0] == "restore":
        hma(published.data, {}, "backup", arguments[1])
    if arguments[0] == "schedule":
        assert '"event": "looked"' in first_look(published.data, arguments)
        return
    if arguments[0] == "serve":
        with serving(published.data, *arguments) as address:
            assert httpx.get(f"{address}/").status_code == 200
        return
    assert hma(published.data, settings, *arguments).strip()


def first_look(data: Path, arguments: list[str]) -> str:
    """What ``hma schedule`` logs until it has looked once, with every publisher turned off."""
    off = {f"HMA_SOURCES__{name.upper()}__ENABLED": "false"
           for name, spec in all_sources().items() if spec.fetch}  # fmt: skip
    said = []
    with subprocess.Popen(
        [*HMA, *arguments], env=environment(data) | off | {"HMA_LOG": "json"}, cwd=data,
        stderr=subprocess.PIPE, text=True, encoding="utf-8",
    ) as scheduler:  # fmt: skip
        for line in scheduler.stderr or ():
            said.append(line)
            if '"looked"' in line:
                scheduler.terminate()
    assert scheduler.returncode == 0, said
    return "".join(said)


def parsed(command: str) -> tuple[dict[str, str], list[str]]:
    """The settings in front of an ``hma`` command, and its arguments."""
    words = shlex.split(command)
    program = words.index(".venv/bin/hma")
    return dict(word.split("=", 1) for word in words[:program]), words[program + 1 :]


def hma(data: Path, settings: dict[str, str], *arguments: str) -> str:
    """What a command says that ends well."""
    done = subprocess.run(
        [*HMA, *arguments], env=environment(data) | settings, cwd=data.parent,
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_on_hold(folders: Folders, source_id: str) -> str:
    """Bring a vintage that the guard holds; the first digits of its hash."""
    rewrite(folders, all_sources()[source_id].files[0], lambda rows: rows[1:])
    return run(folders, source_id).sources[0].vintages[0].sha256[:12]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make")])
def test_every_make_target_of_the_readme_exists(command: str) -> None:
    make = shutil.which("make")
    assert make, "GNU make is needed to run the project"
    _, *arguments = shlex.split(command)
    done = subprocess.run(
        [make, "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_of_the_readme_is_of_a_kind_that_is_run_here() -> None:
    known = ("make", ".venv/bin/hma", "curl")
    first = re.compile(r"(?:HMA_DATA=\S+ )?(\S+)")
    assert [line for line in COMMANDS if first.match(line)[1] not in known] == []  # type: ignore[index]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("curl")])
def test_every_curl_line_of_the_readme_gives_rows(command: str, served: str) -> None:
    program, address = shlex.split(command)
    assert program == "curl"
    assert answer(served, address)


# ---- addresses and figures


@pytest.mark.parametrize("address", API)
def test_every_api_address_of_the_readme_gives_rows(address: str, served: str) -> None:
    assert answer(served, address)


@pytest.mark.parametrize("section", [name for name, text in SECTIONS.items() if BOLD.search(text)])
def test_every_figure_in_bold_is_in_the_answers_of_its_section(section: str, served: str) -> None:
    text = SECTIONS[section]
    answers = [answer(served, address) for address in API if address in text]
    assert answers, "a figure without an address that gives it"
    given = set().union(*(numbers(rows) for rows in answers))
    claimed = {Decimal(figure.replace(",", "")) for figure in BOLD.findall(text)}
    assert claimed - given == set()


@pytest.mark.parametrize("section", [name for name, text in SECTIONS.items() if NAMED.search(text)])
def test_a_figure_beside_a_name_belongs_to_that_name(section: str, served: str) -> None:
    text = SECTIONS[section]
    rows = [row for address in API if address in text for row in answer(served, address)]
    given = {
        (row.get(column), row.get("amount_usd"))
        for row in rows
        for column in ("area_name", "donor")
    }
    for name, figure in NAMED.findall(text):
        assert (name, figure.replace(",", "")) in given


def test_every_question_has_a_page_an_api_address_and_a_figure() -> None:
    questions = [text for name, text in SECTIONS.items() if name.endswith("?")]
    assert len(questions) == 5
    for text in questions:
        assert BOLD.search(text)
        assert "- Page: " in text
        assert "- API: " in text


def pages_of_the_dashboard() -> set[str]:
    """The url_path of every page; the default page is at the root."""
    tree = ast.parse((ROOT / "dashboard/streamlit_app.py").read_text(encoding="utf-8"))
    paths: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.Page":
            given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            paths.add("" if given.get("default") else given["url_path"])
    return paths


@pytest.mark.parametrize("address", [*PAGES, f"{LOCAL}/entry"])
def test_every_page_address_of_the_readme_is_a_page(
    address: str, served: str, ledger_con: duckdb.DuckDBPyConnection
) -> None:
    parts = urlsplit(address)
    assert parts.path.strip("/") in {*pages_of_the_dashboard(), "brief"}  # the server's own page
    for area in parse_qs(parts.query).get("area", []):
        assert select(ledger_con, "SELECT area FROM area_profile WHERE area = ?", area)
    assert httpx.get(address.replace(LOCAL, served)).status_code == 200


def test_the_readme_says_how_many_figures_the_ledger_holds(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    held = sum(select(ledger_con, f"SELECT count(*) FROM {name}")[0][0] for name in FACT_TABLES)
    assert f"holds {held:,} figures" in README


def test_the_readme_says_how_many_rejects_and_issues_there_are(
    ledger_con: duckdb.DuckDBPyConnection,
) -> None:
    assert select(ledger_con, "SELECT count(*) FROM rejects") == [(0,)]
    assert select(ledger_con, "SELECT count(*) FROM issues") == [(1,)]
    assert "The embedded figures give no reject and one issue" in README


# ---- the code's own lists


def commands() -> dict[str, click.Command]:
    return {name: cli.command(name) for names in cli.COMMANDS.values() for name in names}


def test_every_sub_command_is_in_the_readme_with_its_options_and_no_other() -> None:
    lines = [cell for cell in table("The `hma` command") if cell.startswith("`hma ")]
    described = {cell.split()[1].strip("`"): cell for cell in lines}
    assert set(described) == set(commands())
    for name, command in commands().items():
        options = {word for param in command.params for word in param.opts if word.startswith("--")}
        assert set(re.findall(r"--[\w-]+", described[name])) == options - {"--help"}


def test_every_sub_command_has_an_example_in_the_readme() -> None:
    shown = {parsed(line)[1][0] for line in COMMANDS if "hma " in line}
    assert shown == set(commands())


def test_every_exit_code_is_in_the_readme_and_no_other() -> None:
    in_code = {value for name, value in vars(console).items() if name.startswith("EXIT_")} | {0, 1}
    said = {int(cell) for cell in table("The `hma` command") if cell.isdigit()}
    assert said == in_code
    told_by_help = set(re.findall(r"\b(\d) (?:done|wrong|a source|another|there|something|anything)",
                                  " ".join((cli.__doc__ or "").split())))  # fmt: skip
    assert {int(code) for code in told_by_help} == in_code


def test_every_setting_is_in_the_readme_and_no_other() -> None:
    files = [
        *(ROOT / "etl").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py"),
        ROOT / "tests/find_browser.py", ROOT / "Makefile", ROOT / ".ci/run",
    ]  # fmt: skip
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    in_code = {
        *(name for name in re.findall(r"\bHMA_[A-Z_]+\b", text) if "__" not in name),
        *(f"HMA_FETCH__{name.upper()}" for name in FetchConfig.model_fields),
        *(f"HMA_API__{name.upper()}" for name in ApiConfig.model_fields),
        *(f"HMA_SOURCES__<SOURCE>__{name.upper()}" for name in SourceConfig.model_fields),
        *re.findall(r"^([A-Z_]+) \?=", makefile, re.M),
    }
    assert set(re.findall(r"`([A-Z_<>]+)`", " ".join(table("Settings")))) == in_code


@pytest.mark.parametrize("setting", ["HOST", "PORT", "PYTHON", "PYTEST_WORKERS"])
def test_a_default_in_the_readme_is_that_of_the_makefile(setting: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    default = re.search(rf"^{setting} \?= (\S+)$", makefile, re.MULTILINE)
    assert default
    lines = [line for line in SECTIONS["Settings"].splitlines() if f"`{setting}`" in line]
    assert default[1] in lines[0]


def test_every_operator_of_the_api_is_in_the_readme_and_no_other() -> None:
    described = set(re.findall(r"`column\.(\w+)=", "\n".join(table("The API"))))
    assert described == set(OPERATORS)
    assert {"`raw=1`", "`as_of=a`"} <= set(table("The API"))


def test_every_refusal_of_the_api_is_in_the_readme_and_no_other() -> None:
    code = (ROOT / "dashboard/api.py").read_text(encoding="utf-8")
    door = (ROOT / "dashboard/door.py").read_text(encoding="utf-8")
    told = re.findall(r"(?:AnswerError|Refusal)\(\s*(\d{3})", code + door)
    in_code = {*told, "304"}
    assert {cell for cell in table("The API") if cell.isdigit()} == in_code


@pytest.mark.parametrize(
    ("query", "status"),
    [("coverage.csv?country=VNM", 400), ("coverage.csv?area.like=V", 400),
     ("coverage.csv?fiscal_year=x", 400), ("coverage.csv?area=ZZZ", 400),
     ("coverage.xls", 400), ("covrage.csv", 404)],
)  # fmt: skip
def test_a_refusal_has_the_status_the_readme_gives(query: str, status: int, served: str) -> None:
    assert httpx.get(f"{served}/api/v1/{query}").status_code == status


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v1/openapi.json", "/healthz", "/readyz", "/metrics"]
)
def test_the_other_addresses_of_the_api_answer(path: str, served: str) -> None:
    assert path in SECTIONS["The API"]
    assert httpx.get(f"{served}{path}").status_code == 200


def test_the_series_that_may_be_added_are_those_that_the_sources_declare() -> None:
    declared = {
        name
        for spec in all_sources().values()
        for name, one in spec.series.items()
        if one.is_additive
    }
    described = {cell.strip("`") for cell in table("What may be added, and what not")} - {"series"}
    assert described == declared


# ---- files


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in links if not (ROOT / target.partition("#")[0]).exists()] == []


def test_every_folder_of_the_layout_is_there() -> None:
    named = re.findall(r"`([\w/]+/)`", " ".join(table("Layout")))
    made_later = {"data/archive/", "data/ledger/", "data/state/"}
    assert made_later < set(named)
    assert [name for name in named if name not in made_later and not (ROOT / name).is_dir()] == []


def test_the_pictures_are_small_and_show_the_three_pages() -> None:
    pictures = {path.name: path for path in (DATA / "reference/screenshots").iterdir()}
    assert set(pictures) == {"coverage.png", "country.png", "funding.png"}
    for name, path in pictures.items():
        assert f"data/reference/screenshots/{name}" in README
        assert path.stat().st_size < 250_000
        with Image.open(path) as picture:
            assert picture.width == 1280


def test_the_version_in_the_readme_and_the_changelog_is_that_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "([\d.]+)"$', project, re.MULTILINE)
    assert version
    assert f"HMA Ledger {version[1]}" in README
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{version[1]}]" in changes
