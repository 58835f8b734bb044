"""``/brief?area=KHM``: one area on two printed pages, for a desk officer's folder.

A plain page of HTML, written by the server: it needs no script, prints as it stands, and asks for nothing else.
The figures are those of the Country page, from the same questions, fewer years of them; each opens its source
row. What is left out is said, and the citation stands at the end.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from dashboard import address, casualties, charts, cite, filters, queries, show
from dashboard import names as spelled
from dashboard.charts import Figure
from dashboard.cite import Citation
from dashboard.pictures import bare_svg
from etl.asof import AsOfError
from etl.store import NoLedgerError, TooLongError

POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
YEARS: Final = 5  # of casualties and shares in a table; the charts have all
LINES: Final = 4  # of clearance, contamination and donors
CHART: Final = (330, 150)  # pixels
KEPT: Final = 64  # briefs that are kept written
KEY_DATES: Final = ("2025-01-25", "2025-12-02", "2026-02-03")
TREATIES: Final = {
    "MBT": "Mine Ban Treaty",
    "CCM": "Convention on Cluster Munitions",
    "CCW-AP2": "Amended Protocol II (CCW)",
}
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
Cell = dict[str, str]


def brief(request: Request) -> HTMLResponse:
    """The brief, a list of areas where none is named, or what is wrong with the address."""
    asked = request.query_params.get("area", "")
    try:
        with queries.pinned(request.query_params.get("as_of")) as lease:
            names = dict(queries.ask("area_options").select("area", "area_name").iter_rows())
            filters.require_grammar(request.query_params.get(filters.GRAMMAR_KEY))
            area = spelled.of(lease).area(asked)
            if area is None or area not in names:
                return _list(asked, names, spelled.of(lease).hint(asked))
            text = _written(
                lease.ledger, lease.as_of, area, names[area], str(request.base_url).rstrip("/")
            )
            return _answer(text)
    except filters.FilterError as error:
        return _answer(_page("brief_none.html", problem=str(error), areas=[]), 400)
    except AsOfError as error:
        return _answer(_page("brief_none.html", problem=str(error), areas=[]), 404)
    except (NoLedgerError, TooLongError) as error:
        return _answer(_page("brief_none.html", problem=str(error), areas=[]), 503)


def _list(asked: str, names: dict[str, str], near: str) -> HTMLResponse:
    problem = f"There is no area {asked[:80]} in this ledger. {near}".strip() if asked else ""
    areas = [cell(name, address.page("/brief", area=code)) for code, name in names.items()]
    return _answer(_page("brief_none.html", problem=problem, areas=areas), 404 if asked else 200)


def _answer(text: str, status: int = 200) -> HTMLResponse:
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(text, status, headers)


def _page(template: str, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(**values)


@lru_cache(maxsize=KEPT)
def _written(ledger: str, as_of: int | None, area: str, name: str, base: str) -> str:
    """The page of one area, as of one refresh of a ledger; a published ledger never changes."""
    del ledger, as_of  # the lease in use is theirs
    with charts.looking("light"):
        edition = cite.edition()
        asked = {"area": area, "as_of": edition.refresh, filters.GRAMMAR_KEY: filters.GRAMMAR}
        link = f"{base}/brief?{urlencode(asked)}"
        blocks = [
            _money(area, name),
            _people(area, name),
            _payers(area, name),
            _land(area),
            _left(area),
        ]
        sources = list(dict.fromkeys(one for block in blocks for one in block["sources"]))
        return _page(
            "brief.html", name=name, edition=edition, blocks=blocks, treaties=_treaties(area), events=_events(name),
            country=address.page("/country", area=area),
            citation=Citation(f"{name}: country brief", sources[: cite.MANY], edition, link).text,
            sources=sources,
        )  # fmt: skip


def cell(text: str, link: str = "") -> Cell:
    """A text, and the address that it opens."""
    return {"text": text, "link": link}


def entry_cell(text: str, entry_id: str | None) -> Cell:
    """A figure that opens its source row; an en dash has none."""
    is_figure = entry_id is not None and text != show.MISSING
    return cell(text, address.page("/entry", entry=entry_id) if is_figure else "")


def _image(figure: Figure, alt: str) -> dict[str, str]:
    drawn = base64.b64encode(bare_svg(figure, *CHART).encode()).decode()
    return {"data": f"data:image/svg+xml;base64,{drawn}", "alt": alt}


def _block(title: str, empty: str, frame: pl.DataFrame) -> dict[str, Any]:
    """A block with nothing in it yet but its title, its sources, and what stands where there is no figure."""
    editions = [
        show.edition_of(row)
        for row in frame.select("report", "edition").unique(maintain_order=True).iter_rows(named=True)
    ] if not frame.is_empty() else []  # fmt: skip
    return {
        "title": title, "finding": "" if editions else empty, "image": None, "head": [], "rows": [], "notes": [],
        "sources": editions,
    }  # fmt: skip


def _money(area: str, name: str) -> dict[str, Any]:
    frame = queries.ask("area_coverage", area=area).sort("fiscal_year", descending=True)
    block = _block(
        "U.S. money by account", f"No table of State’s report was read for {name}: a gap of this ledger, not a zero.",
        frame,
    )  # fmt: skip
    start = queries.ask("area_since_start", area=area)
    block["notes"] += [
        f"Since the start, as printed, {row['period_start']} to {row['period_end']}: "
        f"{'total' if row['is_printed_total'] else row['account']} {show.usd(row['amount_usd'])}."
        for row in start.iter_rows(named=True)
        if row["is_printed_total"] or row["account"] == "DoD"
    ]
    if frame.is_empty():
        return block
    first, last = queries.years(frame, "fiscal_year")
    block["finding"] = (
        f"FY{first} to FY{last}: {show.usd(queries.total(frame, 'amount_usd'))} from all accounts, of which Defense "
        f"{show.usd(queries.total(frame.filter(account='DoD'), 'amount_usd'))}"
    )
    block["image"] = _image(
        charts.funding_by_account(frame), f"Stacked bars by account and year. {block['finding']}."
    )
    accounts = [one for one in charts.ACCOUNT_ORDER if one in frame["account"].unique()]
    block["head"] = ["Fiscal year", *accounts, "Total printed"]
    for (year,), rows in frame.group_by("fiscal_year", maintain_order=True):
        by_account = {row["account"]: row for row in rows.iter_rows(named=True)}
        one = rows.row(0, named=True)
        block["rows"].append(
            [
                cell(f"FY{year}"),
                *(
                    entry_cell(
                        show.usd(by_account.get(account, {}).get("amount_usd")),
                        by_account.get(account, {}).get("entry_id"),
                    )
                    for account in accounts
                ),
                cell(show.usd(one["printed_total_usd"])),
            ]
        )
    block["notes"].append(
        "Nominal dollars of State’s report: all conventional weapons destruction, broader than mine action. “DoD” is "
        "the report’s word; not every dollar of it need be the 10 U.S.C. 407 program’s."
    )
    if frame["note"].fill_null("").str.contains("column years not shown").any():
        block["notes"].append(
            "The copy shows no year headings; the years follow from the editions’ pattern."
        )
    return block


def _people(area: str, name: str) -> dict[str, Any]:
    chosen = queries.ask("area_casualties", area=area).sort("calendar_year", descending=True)
    # the Monitor's alone: a brief has no room to tell a register's definition
    frame = chosen.filter(~pl.col("is_partial_year"), measure=casualties.REFERENCE)
    block = _block("Casualties", f"No casualty figure of the Monitor is held for {name}.", frame)
    if frame.is_empty():
        return block
    shown = frame.head(YEARS)
    counted = frame.drop_nulls("total")
    if not counted.is_empty():
        newest = counted.row(0, named=True)
        block["finding"] = (
            f"{show.capital(show.number(newest['total'], floor=newest['lower_bound']))} killed or injured in "
            f"{newest['calendar_year']}, the latest year read"
        )
        block["image"] = _image(
            charts.casualties(casualties.bars(frame), casualties.signs(frame)),
            f"Stacked bars of people by year. {block['finding']}.",
        )
    block["head"] = ["Year", "Killed", "Injured", "Total", "Children"]
    block["rows"] = [
        [
            cell(str(row["calendar_year"])),
            cell(show.number(row["killed"])),
            cell(show.number(row["injured"])),
            entry_cell(show.number(row["total"], floor=row["lower_bound"]), row["entry_id"]),
            cell(show.number(row["children"])),
        ]
        for row in shown.iter_rows(named=True)
    ]
    block["notes"].append(
        "Newest edition for each year; the true number is higher, and a jump can be a change of source. Casualties "
        "stand beside money: nothing here shows what caused what."
    )
    if not queries.ask("area_registers", area=area).is_empty():
        block["notes"].append(
            "National registers and other bodies count too; theirs stand on the Country page, never added to these."
        )
    block["sources"] = _editions(shown)
    return block


def _payers(area: str, name: str) -> dict[str, Any]:
    frame = queries.ask("area_dependency", area=area).sort("calendar_year", descending=True)
    frame = frame.drop_nulls("us_share_percent")
    named = frame.with_columns(report=pl.lit("Landmine Monitor"))
    block = _block(
        "Who else pays", f"No table of donors could be read well enough for {name} to give a share.", named
    )  # fmt: skip
    if frame.is_empty():
        return block
    newest = frame.row(0, named=True)
    block["finding"] = (
        f"U.S. money was {show.share(newest)} of international support in {newest['calendar_year']}, the latest year read"
        if newest["is_us_listed"]
        else f"The Monitor’s table of {newest['calendar_year']}, the latest read, lists no U.S. contribution"
    )
    paid = pl.concat(
        [
            frame.select(
                "calendar_year", "us_share_percent", amount_usd=amount, payer=pl.lit(payer)
            )
            for payer, amount in (
                ("United States", pl.col("us_usd")),
                ("other donors", pl.col("all_donors_usd") - pl.col("us_usd")),
            )
        ]
    )
    block["image"] = _image(
        charts.dependency(paid), f"Stacked bars of contributions by year. {block['finding']}."
    )
    block["head"] = ["Year", "United States", "All donors", "U.S. share"]
    block["rows"] = [
        [
            cell(str(row["calendar_year"])),
            entry_cell(show.usd(row["us_usd"]), row["us_entry_id"]),
            cell(show.usd(row["all_donors_usd"], "approximate" if row["is_approximate"] else "exact")),
            cell(show.share(row)),
        ]
        for row in frame.head(YEARS).iter_rows(named=True)
    ]  # fmt: skip
    donors = queries.ask("area_donors", area=area).drop_nulls("amount_usd")
    if not donors.is_empty():
        _, year = queries.years(donors, "year")
        largest = donors.head(LINES)
        listed = "; ".join(
            f"{row['donor']} {show.usd(row['amount_usd'])}" for row in largest.iter_rows(named=True)
        )
        block["notes"].append(f"Donors in {year}, the largest rows printed: {listed}.")
    block["notes"].append(
        "Calendar years, mine action only, numerator and denominator from one page: not State’s figures above, and "
        "never added to them."
    )
    block["sources"] = _editions(named.head(YEARS))
    return block


def _land(area: str) -> dict[str, Any]:
    frame = queries.ask("clearance_rows", area=area).head(LINES)
    block = _block("Land released", "No clearance figure was read.", frame)
    if frame.is_empty():
        return block
    block["head"] = ["Year", "Hazard", "Cleared, km²", "Reduced, km²", "Antipersonnel mines"]
    block["rows"] = [
        [
            entry_cell(str(row["year"]), row["entry_id"]),
            cell(row["hazard"]),
            cell(bounded(row, "area_cleared_km2", "area_cleared_precision")),
            cell(bounded(row, "area_reduced_km2", "area_reduced_precision")),
            cell(bounded(row, "ap_mines_destroyed", "ap_mines_precision")),
        ]
        for row in frame.iter_rows(named=True)
    ]
    block["notes"].append(
        "Kinds of hazard overlap and editions differ: rows are not to be added. Which part U.S. money paid for is not "
        "known."
    )
    return block


def _left(area: str) -> dict[str, Any]:
    frame = queries.ask("contamination_rows", area=area).head(LINES)
    block = _block("Estimated to be left", "No estimate of contamination was read.", frame)
    if frame.is_empty():
        return block
    block["head"] = ["Date", "Hazard", "As printed"]
    block["rows"] = [
        [
            cell(row["estimate_date"]),
            cell(row["hazard"]),
            entry_cell(row["contamination_as_printed"], row["entry_id"]),
        ]
        for row in frame.iter_rows(named=True)
    ]
    block["notes"].append("A survey can multiply or divide an estimate.")
    return block


def bounded(row: dict[str, Any], column: str, bound: str) -> str:
    """A number with the bound that the source gives it, or an en dash."""
    if row[column] is None:
        return show.MISSING
    return show.BOUNDS[row[bound] or "exact"] + show.number(row[column])


def _editions(frame: pl.DataFrame) -> list[str]:
    rows = frame.select("report", "edition").unique(maintain_order=True).iter_rows(named=True)
    return [show.edition_of(row) for row in rows]


def _treaties(area: str) -> list[Cell]:
    found = []
    for row in queries.ask("area_treaties", area=area).iter_rows(named=True):
        dates = [
            f"{words} {row[column]}"
            for column, words in (
                ("signed", "signed"), ("bound_date", row["bound_kind"] or "bound"), ("entry_into_force", "in force"),
                ("withdrawal_notified", "withdrawal notified"), ("withdrawal_effective", "withdrawal takes effect"),
            )
            if row[column]
        ]  # fmt: skip
        found.append(
            entry_cell(
                f"{TREATIES[row['treaty']]}: {', '.join(dates) or 'no date printed'}",
                row["entry_id"],
            )
        )
    return found


def _events(name: str) -> list[dict[str, Any]]:
    """Those that name the area, and the stop, the memo and the funding that concern all."""
    happened = queries.ask("program_events")
    is_named = pl.concat_str("event", "summary", separator=" ", ignore_nulls=True).str.contains(
        name, literal=True
    )
    shown = happened.filter(is_named | pl.col("date").is_in(KEY_DATES)).sort("date", "entry_id")
    return [
        {
            "date": row["date"],
            "event": entry_cell(row["event"], row["entry_id"]),
            "summary": row["summary"],
        }
        for row in shown.iter_rows(named=True)
    ]
