"""What tests read from a page that a script run made."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from streamlit.testing.v1 import AppTest


def archived(app: AppTest) -> list[str]:
    """The archived rows that a page shows, without the citations and links to copy."""
    texts = [str(block.value) for block in app.code]
    return [text for text in texts if "HMA Ledger" not in text and "as_of=" not in text]


def rows_asked(cell: str) -> str:
    """The one question to the API, without its base, whose rows a cell's link shows with their lineage."""
    (link,) = re.findall(r"\]\((/rows\?[^)]+)\)", cell)
    pairs = parse_qsl(urlsplit(link).query, keep_blank_values=True)
    (table,) = [value for key, value in pairs if key == "of"]
    return f"/{table}.csv?{urlencode([pair for pair in pairs if pair[0] != 'of'])}"
