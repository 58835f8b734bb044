"""Awards, transactions, sub-awards and account balances of USAspending.gov.

What may be added stands apart from what may not. A transaction carries its own amount
(``federal_action_obligation``) and its own date, so transactions add up by fiscal year. The total
of an award is printed on each of its transactions and hung on its first year by the service's own
charts; here it is a sum over the award's life without a year, in a series of its own. So are
outlays, sub-awards and the balances of whole accounts.

What the publisher changes in the life of an award (its accounts, its dates, its recipient's name)
is kept out of what makes a figure the same figure, so that a change is a revision.

Each kind of answer has its own module: ``transactions``, ``awards``, ``subawards`` and ``accounts``.
``figures`` holds what their rows share, ``answers`` turns JSON into text columns, and ``copies`` puts
a full copy of transactions and what changed since together.
"""

from __future__ import annotations

from etl.archive import Contents
from etl.areas import Resolver
from etl.reading import Reading
from etl.sources.usaspending.accounts import (
    ACTIVITIES_FILE,
    BALANCES_FILE,
    read_activities,
    read_balances,
)
from etl.sources.usaspending.awards import read_awards
from etl.sources.usaspending.subawards import read_subawards
from etl.sources.usaspending.transactions import read_transactions


def read(files: Contents, reading: Reading, resolver: Resolver) -> None:
    """Hand over one row a transaction, award, sub-award and account figure."""
    read_transactions(files, reading, resolver)
    if "awards.json" in files:
        read_awards(files, reading, resolver)
    if "subawards.json" in files:
        read_subawards(files, reading, resolver)
    for file in sorted(files):
        if at := BALANCES_FILE.fullmatch(file):
            read_balances(reading, file, files[file], at["account"], int(at["year"]))
        elif at := ACTIVITIES_FILE.fullmatch(file):
            read_activities(files, reading, file, at["account"], int(at["year"]))
