"""What tests read from a page that a script run made."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def archived(app: AppTest) -> list[str]:
    """The archived rows that a page shows, without the citations and links to copy."""
    texts = [str(block.value) for block in app.code]
    return [text for text in texts if "HMA Ledger" not in text and "as_of=" not in text]
