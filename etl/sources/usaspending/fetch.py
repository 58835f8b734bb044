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

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from time import sleep
from typing import Any, Final

from etl.asking import address_of, collecting, member, records_of, shown, wrong
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

COUNT_ADDRESS: Final = f"{API}download/count/"
STATUS_ADDRESS: Final = f"{API}download/status/"
SEARCH: Final = f"{API}search/spending_by_award/"
SEARCH_COUNT: Final = f"{API}search/spending_by_award_count/"
_EARLIEST: Final = date(1970, 1, 1)
MAX_PAGES: Final = 500
MAX_NAME: Final = 300

Filters = Mapping[str, Any]
Period = tuple[date, date]


class _MovedError(FetchError):
    """Records moved between the pages while they were asked for."""


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
    count = session.ask_bytes("POST", COUNT_ADDRESS, json={"filters": everything})
    _transactions_counted(parsed(count, COUNT_ADDRESS))
    with session.collect(COUNT[name], COUNT_ADDRESS) as add:
        add(count)


def _transactions_counted(answer: object) -> int:
    return member(answer, "calculated_transaction_count", int, COUNT_ADDRESS)


def _changed_since(session: Session, name: str) -> date | None:
    """The day from which changes are to be fetched; None if a full copy is due.

    A full copy is due when there is none, when it is too old, and when the copy of last time did not
    hold as many transactions as the service counted: then some were taken away. So it is when the
    count cannot be read, or the newest change is of no day that can be: that passes with the next.
    """
    file = FULL[name]
    last = copy_of_last_time(file, session.latest(file), session.latest(INCREMENT[name]))
    if last is None or last.count != _count_of(session.latest(COUNT[name])):
        return None
    made = session.retrieved(file)
    if made is None or (session.today - made).days > session.options["full_every_days"]:
        return None
    if not _EARLIEST <= last.newest_change_of_full_copy <= session.today:
        return None
    return last.newest_change_of_full_copy - timedelta(days=session.options["overlap_days"])


def _count_of(answer: bytes | None) -> int | None:
    try:
        return None if answer is None else _transactions_counted(parsed(answer, COUNT_ADDRESS))
    except FetchError:
        return None


def _download_transactions(session: Session, file: str, filters: Filters) -> None:
    """Run the job; refuse a copy with fewer rows than the service counts."""
    answer = session.ask("POST", COUNT_ADDRESS, json={"filters": filters})
    count = _transactions_counted(answer)
    limit = member(answer, "maximum_transaction_limit", int, COUNT_ADDRESS)
    if answer.get("transaction_rows_gt_limit") or count > limit:
        raise FetchError(
            f"{file}: {count:,} transactions match, a download holds {limit:,}; narrow program_numbers or "
            "award_number_prefix in source.yml",
            "too large",
        )
    body = {"filters": filters, "columns": list(COLUMNS), "file_format": "csv"}
    job = _finished(session, f"{API}download/transactions/", body)
    rows = member(job, "total_rows", int, STATUS_ADDRESS)
    if rows < count:
        raise FetchError(
            f"{file}: the job wrote {rows:,} rows, {count:,} transactions match; fetch again later",
            "cut short",
        )
    session.download(file, _file_of(session, job), member="*PrimeTransactions*")


def _file_of(session: Session, job: Mapping[str, Any]) -> str:
    """Where the file of a finished job lies."""
    return address_of(session, job["file_url"], f"{STATUS_ADDRESS} (file_url)")


def _finished(session: Session, address: str, body: Filters) -> dict[str, Any]:
    """Start a job and wait for it; returns its last state.

    Raises:
        FetchError: the job failed, ended in an unknown state or did not end in time.
    """
    started = session.ask("POST", address, json=body)
    name = member(started, "file_name", str, address)
    if not name.isprintable() or len(name) > MAX_NAME:
        raise wrong(address, "with a 'file_name' that is no name of a file", name)
    options = session.options
    for poll in range(options["max_polls"]):
        if poll:
            sleep(options["poll_seconds"])
        job = session.ask("GET", STATUS_ADDRESS, params={"file_name": name})
        status = member(job, "status", str, STATUS_ADDRESS)
        if status == "finished":
            member(job, "file_url", str, STATUS_ADDRESS)
            return dict(job)
        if status == "failed":
            raise FetchError(
                f"the job {name} failed: {shown(job.get('message'))}; fetch again later, the service makes it "
                "anew",
                "job failed",
            )
        if status not in {"ready", "running"}:
            raise FetchError(
                f"the job {name} is in the unknown state {shown(status)}", "job failed"
            )
    waited = options["max_polls"] * options["poll_seconds"]
    raise FetchError(
        f"the job {name} is still {status} after {waited:,} seconds; fetch again later, or raise max_polls "
        "in source.yml",
        "job failed",
    )


# Awards and sub-awards


def _awards(session: Session) -> None:
    """All awards of both questions, in one file of pages."""
    _searches(session, "awards.json", "awards", _questions(session.options).values())


def _subawards(session: Session) -> None:
    """The sub-awards of the listing's awards; the search cannot find them by the prefix."""
    _searches(session, "subawards.json", "subawards", [_questions(session.options)["listing"]])


def _searches(session: Session, file: str, level: str, questions: Iterable[Filters]) -> None:
    """All pages of some questions, one after the other, in one file.

    Records move between pages when something is loaded meanwhile: one then comes twice and another
    not at all. Pages are written down as they come, so then all is asked again from the start.
    """
    groups = [
        {**filters, "award_type_codes": codes}
        for filters in questions
        for codes in session.options["award_type_groups"]
    ]
    for left in reversed(range(session.options["search_attempts"])):
        try:
            with collecting(session, file, SEARCH) as add:
                for filters in groups:
                    _search(session, filters, level, add)
        except _MovedError:
            if not left:
                raise
        else:
            return


def _search(session: Session, filters: Filters, level: str, add: Callable[[bytes], None]) -> None:
    """Hand over every page of a search, split by fiscal years where the search window is too small."""
    first = date.fromisoformat(session.options["first_day_of_searches"])
    for period, count in _windows(session, filters, level, (first, session.today)):
        within = {**filters, "time_period": _time(*period)}
        found = _different(_every_page(session, within, level), add)
        now = count if found == count else _count(session, within, level)
        if found != now:
            raise _MovedError(
                f"the search for {level} gives {found:,} different records, {now:,} are counted; records "
                "came twice or not at all because the data changed meanwhile. Fetch again later",
                "cut short",
            )


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
    answer = session.ask("POST", SEARCH_COUNT, json=body)
    results = member(answer, "results", dict, SEARCH_COUNT)
    if not results:
        raise wrong(SEARCH_COUNT, "without counts under 'results'", answer)
    # sub-awards are counted as sub-grants and sub-contracts
    return sum(member(results, name, int, f"{SEARCH_COUNT} (results)") for name in results)


def _level(level: str) -> dict[str, Any]:
    """Both names of the same setting: the service is replacing the first by the second."""
    return {"subawards": level == "subawards", "spending_level": level}


def _different(
    pages: Iterator[tuple[bytes, list[dict[str, Any]]]], add: Callable[[bytes], None]
) -> int:
    """Hand the pages over; says how many records came. One that came twice counts once.

    Sub-awards bear no key that is sure to be their own, so of them only a page that came again is
    noticed.
    """
    keyed: set[bytes] = set()
    seen: set[bytes] = set()
    unkeyed = 0
    for page, records in pages:
        add(page)
        digest = _digest(json.dumps(records))
        if digest in seen:
            continue
        seen.add(digest)
        for record in records:
            key = record.get("generated_internal_id")
            if key is None or key == "":
                unkeyed += 1
            else:
                keyed.add(_digest(member(record, "generated_internal_id", str, SEARCH)))
    return len(keyed) + unkeyed


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _every_page(
    session: Session, filters: Filters, level: str
) -> Iterator[tuple[bytes, list[dict[str, Any]]]]:
    """Each page as it came, with its records."""
    fields = AWARD_FIELDS if level == "awards" else SUBAWARD_FIELDS
    body: dict[str, Any] = {
        "filters": filters, "fields": list(fields), "sort": fields[0], "order": "asc",
        "limit": session.options["page_size"], **_level(level),
    }  # fmt: skip
    last = session.options["search_window"] // session.options["page_size"]
    for number in range(1, last + 1):
        page = session.ask_bytes("POST", SEARCH, json={**body, "page": number})
        answer = parsed(page, SEARCH)
        records = records_of(answer, "results", SEARCH)
        metadata = member(answer, "page_metadata", dict, SEARCH)
        came = member(metadata, "page", int, f"{SEARCH} (page_metadata)")
        more = member(metadata, "hasNext", bool, f"{SEARCH} (page_metadata)")
        if came != number:
            raise wrong(SEARCH, f"with another page than page {number}", came)
        yield page, records
        if not more:
            return
    raise FetchError(
        f"the search does not end with page {last}, where the search window ends; lower search_window",
        "cut short",
    )


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
            address = f"{API}federal_accounts/{account}/"
            internal = member(session.ask("GET", address), "id", int, address)
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
    session.download(file, _file_of(session, job), member="*AccountBalances*")


def _activities(session: Session, file: str, account: str, year: int) -> None:
    """The obligations of one year by program activity."""
    address = f"{API}federal_accounts/{account}/program_activities/total"
    period = _time(date(year - 1, 10, 1), date(year, 9, 30))
    size = session.options["page_size"]
    found = 0
    with collecting(session, file, address) as add:
        for number in range(1, session.options.get("max_pages", MAX_PAGES) + 1):
            body = {"filters": {"time_period": period}, "limit": size, "page": number}
            page = session.ask_bytes("POST", address, json=body)
            answer = parsed(page, address)
            found += len(records_of(answer, "results", address))
            metadata = member(answer, "page_metadata", dict, address)
            total = member(metadata, "total", int, f"{address} (page_metadata)")
            more = member(metadata, "hasNext", bool, f"{address} (page_metadata)")
            add(page)
            if not more or number * size >= total:
                break
        if more or found != total:
            raise FetchError(
                f"{file}: {found:,} program activities came, {total:,} are counted"
                f"{f', and more pages are said to follow page {number:,}' if more else ''}; fetch again later",
                "cut short",
            )


def _fiscal_year(day: date) -> int:
    return day.year + (day.month >= 10)  # noqa: PLR2004 - the fiscal year starts in October


def _period(day: date) -> int:
    """How many months of the fiscal year are over on ``day``; period 1 is October."""
    return (day.month - 10) % 12
