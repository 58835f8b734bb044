"""Asking USAspending.gov: download jobs for transactions and accounts, paged searches for the rest.

Transactions come from the download job and not from the search, because only the job names each
transaction by a key of its own (``assistance_transaction_unique_key``) and prints its amount as a
decimal text; a search result has neither. The job is asked for the columns that are read, which
also leaves the names and pay of the recipients' officers where they are.

A copy is complete or it is not kept: the rows of a job and the records of a search are counted
against what the service itself says that there are. The listing and the award-number prefix are two
questions, because filters of one question narrow each other.

Between full copies only what changed since is fetched, into one file that starts from the last full
copy each time; a full copy empties it. So two files at most make up the present state, and the
order in which they came does not matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from time import sleep
from typing import Any, Final

from etl.fetch import FetchError
from etl.session import Session, parsed
from etl.sources.usaspending.copies import COLUMNS, COUNT, FULL, INCREMENT, copy_of_last_time

API: Final = "api/v2/"
AWARD_FIELDS: Final = (
    "Award ID", "Recipient Name", "Recipient UEI", "Start Date", "End Date", "Award Amount",
    "Total Outlays", "Award Type", "Assistance Listings", "Awarding Agency", "Awarding Agency Code",
    "Awarding Sub Agency", "Funding Agency", "Funding Sub Agency", "Description",
    "Base Obligation Date", "Last Modified Date", "Place of Performance Country Code",
    "generated_internal_id",
)  # fmt: skip
SUBAWARD_FIELDS: Final = (
    "Sub-Award ID", "Sub-Award Type", "Sub-Awardee Name", "Sub-Recipient UEI", "Sub-Award Date",
    "Sub-Award Amount", "Sub-Award Description", "Sub-Award Primary Place of Performance",
    "Assistance Listing", "Awarding Agency", "Awarding Sub Agency", "Prime Award ID",
    "Prime Recipient Name", "prime_award_generated_internal_id",
)  # fmt: skip
FIRST_PERIOD: Final = 2  # agencies report October with November
LAST_PERIOD: Final = 12

Filters = Mapping[str, Any]
Period = tuple[date, date]


def fetch(session: Session) -> None:
    """Bring everything up to date.

    Raises:
        FetchError: a job failed or did not end, or an answer is not complete.
    """
    for name, filters in _questions(session.options).items():
        _transactions(session, name, filters)
    _awards(session)
    _subawards(session)
    for account in session.options["accounts"]:
        _account(session, account)


def _questions(options: Mapping[str, Any]) -> dict[str, Filters]:
    """The two ways in which an award is found: by its listing, and by how its number begins.

    The keyword search finds the prefix in descriptions too; the reader leaves those out.
    """
    agency = {"type": "awarding", "tier": "toptier", "name": options["awarding_agency"]}
    return {
        "listing": {"program_numbers": options["program_numbers"]},
        "prefix": {"keywords": [options["award_number_prefix"]], "agencies": [agency]},
    }


def _time(start: date, end: date, date_type: str | None = None) -> list[dict[str, str]]:
    period = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return [period | ({"date_type": date_type} if date_type else {})]


# Transactions


def _transactions(session: Session, name: str, filters: Filters) -> None:
    """One question's transactions: a full copy, or what changed since the last one."""
    options = session.options
    file, increment = FULL[name], INCREMENT[name]
    types = [code for group in options["award_type_groups"] for code in group]
    filters = {**filters, "award_type_codes": types}
    first = date.fromisoformat(options["first_day_of_downloads"])
    everything = {**filters, "time_period": _time(first, session.today, "action_date")}
    since = _changed_since(session, name)
    if since is None:
        _download_transactions(session, file, everything)
        with session.collect(increment, "made here: the full copy holds all changes") as add:
            add(",".join(COLUMNS).encode())
    else:
        period = _time(since, session.today, "last_modified_date")
        _download_transactions(session, increment, {**filters, "time_period": period})
    count = session.ask_bytes("POST", f"{API}download/count/", json={"filters": everything})
    with session.collect(COUNT[name], f"{API}download/count/") as add:
        add(count)


def _changed_since(session: Session, name: str) -> date | None:
    """The day from which changes are to be fetched; None if a full copy is due.

    A full copy is due when there is none, when it is too old, and when the copy of last time did not
    hold as many transactions as the service counted: then some were taken away.
    """
    file = FULL[name]
    last = copy_of_last_time(file, session.latest(file), session.latest(INCREMENT[name]))
    if last is None or last.count != _count_of(session.latest(COUNT[name])):
        return None
    made = session.retrieved(file)
    if made is None or (session.today - made).days > session.options["full_every_days"]:
        return None
    return last.newest_change_of_full_copy - timedelta(days=session.options["overlap_days"])


def _count_of(answer: bytes | None) -> int | None:
    return None if answer is None else _whole(json.loads(answer), "calculated_transaction_count")


def _download_transactions(session: Session, file: str, filters: Filters) -> None:
    """Run the job; refuse a copy with fewer rows than the service counts."""
    answer = session.ask("POST", f"{API}download/count/", json={"filters": filters})
    count = _whole(answer, "calculated_transaction_count")
    limit = _whole(answer, "maximum_transaction_limit")
    if answer.get("transaction_rows_gt_limit") or count > limit:
        raise FetchError(
            f"{file}: {count:,} transactions match, a download holds {limit:,}; narrow program_numbers or "
            "award_number_prefix in source.yml",
            "too large",
        )
    body = {"filters": filters, "columns": list(COLUMNS), "file_format": "csv"}
    job = _finished(session, f"{API}download/transactions/", body)
    rows = _whole(job, "total_rows")
    if rows < count:
        raise FetchError(
            f"{file}: the job wrote {rows:,} rows, {count:,} transactions match; fetch again later",
            "cut short",
        )
    session.download(file, job["file_url"], member="*PrimeTransactions*")


def _finished(session: Session, address: str, body: Filters) -> dict[str, Any]:
    """Start a job and wait for it; returns its last state.

    Raises:
        FetchError: the job failed, ended in an unknown state or did not end in time.
    """
    name = _text(session.ask("POST", address, json=body), "file_name")
    options = session.options
    for poll in range(options["max_polls"]):
        if poll:
            sleep(options["poll_seconds"])
        job = session.ask("GET", f"{API}download/status/", params={"file_name": name})
        status = _text(job, "status")
        if status == "finished":
            _text(job, "file_url")
            return dict(job)
        if status == "failed":
            raise FetchError(
                f"the job {name} failed: {job.get('message')}; fetch again later, the service makes it anew",
                "job failed",
            )
        if status not in {"ready", "running"}:
            raise FetchError(f"the job {name} is in the unknown state {status!r}", "job failed")
    waited = options["max_polls"] * options["poll_seconds"]
    raise FetchError(
        f"the job {name} is still {status} after {waited:,} seconds; fetch again later, or raise max_polls "
        "in source.yml",
        "job failed",
    )


# Awards and sub-awards


def _awards(session: Session) -> None:
    """All awards of both questions, in one file of pages."""
    with session.collect("awards.json", f"{API}search/spending_by_award/") as add:
        for filters in _questions(session.options).values():
            for codes in session.options["award_type_groups"]:
                _search(session, {**filters, "award_type_codes": codes}, "awards", add)


def _subawards(session: Session) -> None:
    """The sub-awards of the listing's awards; the search cannot find them by the prefix."""
    listing = _questions(session.options)["listing"]
    with session.collect("subawards.json", f"{API}search/spending_by_award/") as add:
        for codes in session.options["award_type_groups"]:
            _search(session, {**listing, "award_type_codes": codes}, "subawards", add)


def _search(session: Session, filters: Filters, level: str, add: Callable[[bytes], None]) -> None:
    """Hand over every page of a search, split by fiscal years where the search window is too small."""
    first = date.fromisoformat(session.options["first_day_of_searches"])
    for period, count in _windows(session, filters, level, (first, session.today)):
        within = {**filters, "time_period": _time(*period)}
        for page in _pages(session, within, level, count):
            add(page)


def _windows(
    session: Session, filters: Filters, level: str, period: Period
) -> Iterator[tuple[Period, int]]:
    """Periods whose records fit into the search window, with how many the service counts in each."""
    count = _count(session, {**filters, "time_period": _time(*period)}, level)
    if count <= session.options["search_window"]:
        yield period, count
        return
    start, end = period
    years = range(_fiscal_year(start), _fiscal_year(end) + 1)
    if len(years) == 1:
        raise FetchError(
            f"{count:,} {level} match in fiscal year {years[0]} alone, a search shows "
            f"{session.options['search_window']:,}; narrow program_numbers in source.yml",
            "too large",
        )
    middle = date(years[(len(years) - 1) // 2], 9, 30)
    yield from _windows(session, filters, level, (start, middle))
    yield from _windows(session, filters, level, (middle + timedelta(days=1), end))


def _count(session: Session, filters: Filters, level: str) -> int:
    body = {"filters": filters, **_level(level)}
    answer = session.ask("POST", f"{API}search/spending_by_award_count/", json=body)
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, dict):
        raise FetchError("spending_by_award_count answers without counts", "wrong content")
    # sub-awards are counted as sub-grants and sub-contracts
    return sum(value for value in results.values() if isinstance(value, int))


def _level(level: str) -> dict[str, Any]:
    """Both names of the same setting: the service is replacing the first by the second."""
    return {"subawards": level == "subawards", "spending_level": level}


def _pages(session: Session, filters: Filters, level: str, count: int) -> list[bytes]:
    """The pages of one search, when they hold as many different records as the service counts.

    Records move between pages when something is loaded meanwhile: one then comes twice and
    another not at all. So the whole search is asked again.
    """
    found = 0
    for _attempt in range(session.options["search_attempts"]):
        pages = list(_every_page(session, filters, level))
        found = _different(pages)
        if found == count:
            return pages
        count = _count(session, filters, level)
        if found == count:
            return pages
    raise FetchError(
        f"the search for {level} gives {found:,} different records, {count:,} are counted; records came "
        "twice or not at all because the data changed meanwhile. Fetch again later",
        "cut short",
    )


def _different(pages: Sequence[bytes]) -> int:
    """How many records came; one that came twice counts once.

    Sub-awards bear no key that is sure to be their own, so of them only a page that came again is
    noticed.
    """
    keyed: set[str] = set()
    unkeyed = 0
    for results in {json.dumps(json.loads(page)["results"]) for page in pages}:
        for record in json.loads(results):
            key = record.get("generated_internal_id")
            if key:
                keyed.add(key)
            else:
                unkeyed += 1
    return len(keyed) + unkeyed


def _every_page(session: Session, filters: Filters, level: str) -> Iterator[bytes]:
    fields = AWARD_FIELDS if level == "awards" else SUBAWARD_FIELDS
    body: dict[str, Any] = {
        "filters": filters, "fields": list(fields), "sort": fields[0], "order": "asc",
        "limit": session.options["page_size"], **_level(level),
    }  # fmt: skip
    last = session.options["search_window"] // session.options["page_size"]
    for number in range(1, last + 1):
        page = session.ask_bytes(
            "POST", f"{API}search/spending_by_award/", json={**body, "page": number}
        )
        answer = _object(page, f"{API}search/spending_by_award/")
        metadata = answer.get("page_metadata")
        if not isinstance(answer.get("results"), list) or not isinstance(metadata, dict):
            raise FetchError(
                "spending_by_award answers without results or page_metadata", "wrong content"
            )
        if metadata.get("page") != number:
            raise FetchError(f"page {metadata.get('page')} came for page {number}", "wrong content")
        yield page
        if not metadata["hasNext"]:
            return
    raise FetchError(
        f"the search does not end with page {last}, where the search window ends; lower search_window",
        "cut short",
    )


def _object(page: bytes, address: str) -> dict[str, Any]:
    answer = parsed(page, address)
    if not isinstance(answer, dict):
        raise FetchError(f"{address} answered no JSON object", "wrong content")
    return answer


# Accounts


def _account(session: Session, account: str) -> None:
    """Balances and program activities of one federal account, year by year.

    Years that are long over are fetched once. A running year is asked for up to the last period
    that should be published.
    """
    options = session.options
    if not re.fullmatch(r"[0-9]{3}-[0-9]{4}", account):
        raise FetchError(
            f"{account!r} in source.yml is no federal account such as 011-1075", "wrong content"
        )
    reported = session.today - timedelta(days=options["accounts_lag_days"])
    current = _fiscal_year(reported)
    held = set(session.files())
    internal = None
    for year in range(options["accounts_first_year"], current + 1):
        balances = f"account_balances_{account}_{year}.csv"
        activities = f"program_activities_{account}_{year}.json"
        settled = year <= current - options["accounts_years_restated"]
        if settled and {balances, activities} <= held:
            continue
        period = _period(reported) if year == current else LAST_PERIOD
        if period < FIRST_PERIOD:
            continue
        if internal is None:
            internal = _whole(session.ask("GET", f"{API}federal_accounts/{account}/"), "id")
        _balances(session, balances, internal, (year, period))
        _activities(session, activities, account, year)


def _balances(session: Session, file: str, internal: int, at: tuple[int, int]) -> None:
    body = {
        "account_level": "treasury_account",
        "file_format": "csv",
        "filters": {
            "federal_account": str(internal),
            "submission_types": ["account_balances"],
            "fy": str(at[0]),
            "period": str(at[1]),
        },
    }
    job = _finished(session, f"{API}download/accounts/", body)
    session.download(file, job["file_url"], member="*AccountBalances*")


def _activities(session: Session, file: str, account: str, year: int) -> None:
    """The obligations of one year by program activity."""
    address = f"{API}federal_accounts/{account}/program_activities/total"
    period = _time(date(year - 1, 10, 1), date(year, 9, 30))
    total, found, number = 0, 0, 0
    with session.collect(file, address) as add:
        more = True
        while more:
            number += 1
            body = {
                "filters": {"time_period": period},
                "limit": session.options["page_size"],
                "page": number,
            }
            page = session.ask_bytes("POST", address, json=body)
            answer = _object(page, address)
            found += len(answer["results"])
            total = _whole(answer["page_metadata"], "total")
            more = bool(answer["page_metadata"]["hasNext"])
            add(page)
        if found != total:
            raise FetchError(
                f"{file}: {found} program activities came, {total} are counted; fetch again later",
                "cut short",
            )


def _fiscal_year(day: date) -> int:
    return day.year + (day.month >= 10)  # noqa: PLR2004 - the fiscal year starts in October


def _period(day: date) -> int:
    """How many months of the fiscal year are over on ``day``; period 1 is October."""
    return (day.month - 10) % 12


def _whole(answer: Any, key: str) -> int:  # noqa: ANN401 - JSON
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise FetchError(
            f"the answer holds no number {key!r}: {str(answer)[:200]}", "wrong content"
        )
    return value


def _text(answer: Any, key: str) -> str:  # noqa: ANN401 - JSON
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise FetchError(f"the answer holds no text {key!r}: {str(answer)[:200]}", "wrong content")
    return value
