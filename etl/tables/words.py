"""The words that categories allow, each with what it means, and the year whose dollars are the constant ones."""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final = {
    "DoD": "Department of Defense humanitarian mine action (OHDACA, 10 U.S.C. 407)",
    "DoD other": "other Defense lines: demining research, humanitarian assistance, all of OHDACA",
    "State NADR-CWD": "Department of State, conventional weapons destruction line of NADR",
    "State other": "Department of State, other lines",
    "State": "Department of State, line not named",
    "USAID": "USAID, mainly the Leahy War Victims Fund",
    "CDC": "Centers for Disease Control and Prevention",
    "Other": "another U.S. line, named in account_as_printed",
    "All accounts": "a printed total over several accounts, never added to its parts",
    "Not stated": "the source does not name the account, or it is not a U.S. account",
}
FLOWS: Final = {
    "appropriation": "money that Congress provided or a budget document lists",
    "obligation": "money the government has committed itself to pay",
    "disbursement": "money paid out",
    "commitment": "a donor's firm written promise",
    "pledge": "a donor's announcement that binds nobody yet: not money",
    "contribution": "what a donor reports to have given, as counted by the Landmine Monitor",
    "limit": "a ceiling set by law, not money given",
    "expenditure": "money spent on goods and services, where the source counts it apart from disbursements",
    "reimbursement": "money paid for what the recipient had spent before",
    "incoming funds": "money that the publisher received: whoever gave it reports the same money",
    "incoming commitment": "money firmly promised to the publisher: whoever promised it reports it too",
    "incoming pledge": "money promised to the publisher, not firmly yet",
    "other financing": "interest, repayment of a loan, equity or a guarantee; the note says which",
    "unspecified": "the source does not say which stage of spending it counts",
}
STATUSES: Final = {
    "actual": "reported after the year",
    "estimate": "expected while the year ran",
    "request": "asked for, not given",
    "planned": "announced as a plan",
    "announced": "said to be coming, by an embassy or agency",
    "enacted": "directed or provided by Congress",
    "limit": "a legal ceiling",
}
PRECISIONS: Final = {
    "exact": "printed as a number without a qualifying word",
    "rounded": "printed as a rounded number",
    "approximate": "printed as about, approximately or some",
    "floor": "printed as more than, over or at least: a lower bound",
    "ceiling": "printed as nearly or almost: an upper bound",
}
YEAR_BASES: Final = {
    "fiscal": "U.S. fiscal year, October to September, named by the year in which it ends",
    "calendar": "calendar year",
    "not stated": "the source does not say which",
}
SECTORS: Final = {
    "clearance": "survey and clearance",
    "risk education": "explosive ordnance risk education",
    "victim assistance": "help for survivors",
    "stockpile": "stockpile destruction and management",
    "advocacy": "advocacy for the treaties",
    "capacity": "capacity building of national bodies",
    "several": "more than one sector, not split by the source",
    "unspecified": "the source names no sector",
}
COUNTED: Final = {
    "person": "one person killed or injured; people of one accident are rows of their own",
    "event": "one accident, however many people it hurt; never added to people",
}
OUTCOMES: Final = {
    "killed": "registered as dead",
    "injured": "registered as hurt, and not as dead",
    "unknown": "the source does not say",
}
CONDITIONS: Final = {
    "civilian": "not a member of the armed forces or the police",
    "public force": "a member of the armed forces or the police",
    "unknown": "the source does not say",
}
AGE_GROUPS: Final = {
    "adult": "18 years or older",
    "minor": "younger than 18",
    "unknown": "the source does not say",
}
RATE_BASES: Final = {
    "average": "average over the days of the period",
    "end": "at the end of the period",
}
RATE_PERIODS: Final = {"month": "a month", "year": "a calendar year"}
CONVERSIONS: Final = {
    "in U.S. dollars": "the source prints U.S. dollars; nothing was converted",
    "converted": "converted with the rate of the month of the value date that stands beside it",
    "no rate": "no source here has a rate of the currency for the month of the value date",
    "rates disagree": "countries with the currency have different rates in that month, so none is taken",
    "no value date": "the source names no value date, so it is not known which rate applies",
    "no currency": "the source names no currency",
}
# The year whose dollars `funding_constant` gives. The embedded deflator ends with fiscal and calendar year 2024,
# so this is the last base that every ledger can have. It is part of a column's name: a new base is a new column.
CONSTANT_YEAR: Final = 2024
DEFLATIONS: Final = {
    "deflated": "amount_usd times the index of 2024, divided by the index of the figure's own year",
    "no index": "the index has no such year; no other year's stands in for it",
    "year basis not stated": "the source does not say whether the year is fiscal or calendar",
    "constant already": "the source prints constant dollars, which are never deflated again",
}
PAYERS: Final = {
    "United States": "the donor is the United States",
    "other donors": "any other donor, or one whose area is not known",
}
SEXES: Final = {"male": "male", "female": "female", "unknown": "the source does not say"}
PLACE_KINDS: Final = {
    "rural": "in the countryside",
    "urban": "in a town",
    "unknown": "the source does not say",
}
DEVICES: Final = {
    "antipersonnel mine": "a mine set off by a person; improvised mines are counted with them",
    "unexploded ordnance": "munitions that were used and did not go off",
    "mine": "a mine whose kind the source does not say: set off by a person, a vehicle, or from afar",
    "improvised device": "a device made by hand; some are mines, and how it was set off is not said",
    "unknown": "the source does not say, or no longer says",
}
IMPLEMENTER_KINDS: Final = {
    "NGO": "charity, foundation or other body that is neither a state's nor run for profit",
    "contractor": "company",
    "university": "university",
    "UN": "body of the United Nations",
    "international organisation": "another organisation of states, or with a mandate from them",
    "government": "body of a state",
}
# What the view `casualties_side_by_side` sets side by side, in the order of choice: where several have a
# whole year of an area, the first is the one that `casualties_by_area_year` takes. Each with its title, what
# one counts, and why it may differ from the first.
CASUALTY_MEASURES: Final = {
    "monitor": (
        "Landmine Monitor, newest edition",
        "person",
        "The reference, for it covers most areas and years by one definition: people killed or injured by mines "
        "(antipersonnel, antivehicle, improvised and set off by the victim), unexploded submunitions and other "
        "explosive remnants of war. People hit during an attack with cluster munitions are not in it, nor, where "
        "the source tells them apart, those hurt by devices set off by remote control. An edition knows what "
        "had been reported when it was closed; later ones revise it.",
    ),
    "register_counts": (
        "Registers and others, as printed",
        "person",
        "Counted by a national programme, a body of the United Nations or another, by its own definition and to "
        "its own date: some count civilians alone, one kind of device, or more devices than the Monitor. "
        "A register may be revised backwards, and then each copy has other figures for the same year; the "
        "newest copy stands first, the earlier ones beside it.",
    ),
    "register_rows": (
        "Register of victims, its rows counted",
        "person",
        "The rows of a published register counted, one row a person, by the register's own definition. A "
        "register that is revised backwards goes on changing after the Monitor has printed a year, so the count "
        "depends on the copy. The newest year of a copy is taken for incomplete.",
    ),
    "event_counts": (
        "Register of accidents",
        "event",
        "Accidents, not people: one accident can hurt several, and stands in the register of victims once for "
        "each of them. They have a scale of their own and are never added to people. Numbers of people stand "
        "here only where the source prints them for every event of the year.",
    ),
    "monitor_other": (
        "Landmine Monitor, other editions",
        "person",
        "What earlier editions printed for the same year, or the newest one in another place. The Monitor revises "
        "earlier years; these are shown beside the newest and never chosen.",
    ),
}
NEVER_CHOSEN: Final = frozenset({"monitor_other"})
CASUALTY_CHECKS: Final = {
    "parts and total": "killed, injured and unknown of one printed figure against its total",
    "countries and world": "the Monitor's newest country totals of a year against a printed world total",
    "register and Monitor": "people counted by another against the Monitor's newest figure of the year",
    "accidents and people": "people in a register of victims against accidents in a register of events",
}
CHECK_OUTCOMES: Final = {
    "equal": "both are the same",
    "above": "the value is higher than its reference",
    "below": "the value is lower than its reference",
    "not compared": "one of them counts only part of the year",
}
CHANGES: Final = {
    "added": "first time this entry was seen",
    "revised": "the source printed another value; the earlier revision is kept",
    "withdrawn": "the source dropped the entry; its last values are kept",
    "restored": "a withdrawn entry came back",
}
