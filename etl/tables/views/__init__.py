"""The columns of the views: the SQL stands in ``etl/views/<name>.sql``, and a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import dataframely as dy

from etl.tables.views.casualties import (
    CasualtiesByAreaYear,
    CasualtiesLatest,
    CasualtiesSideBySide,
    CasualtiesWorld,
    CasualtyChecks,
    CasualtyRates,
)
from etl.tables.views.dependency import Dependency, DependencySummary, Donors, Orphaned
from etl.tables.views.funding import (
    FundingConstant,
    FundingPerCapita,
    IatiUsd,
    Partners,
    Reconciliation,
)
from etl.tables.views.program import AreaProfile, Coverage

# In the order in which they are built: a view may read those before it.
VIEWS: Final[Mapping[str, type[dy.Schema]]] = MappingProxyType(
    {
        "coverage": Coverage,
        "casualties_side_by_side": CasualtiesSideBySide,
        "casualties_by_area_year": CasualtiesByAreaYear,
        "casualties_latest": CasualtiesLatest,
        "donors": Donors,
        "casualties_world": CasualtiesWorld,
        "casualty_rates": CasualtyRates,
        "casualty_checks": CasualtyChecks,
        "dependency": Dependency,
        "dependency_summary": DependencySummary,
        "orphaned": Orphaned,
        "area_profile": AreaProfile,
        "iati_usd": IatiUsd,
        "partners": Partners,
        "reconciliation": Reconciliation,
        "funding_constant": FundingConstant,
        "funding_per_capita": FundingPerCapita,
    }
)
