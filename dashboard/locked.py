"""What of Streamlit's settings nobody can weaken, whatever files or variables say.

Streamlit reads a file in the reader's home, one in the working folder, one beside the script, and flags.
What protects readers is set here, over all of them, whenever the pages are served.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from streamlit import config

LOCKED: Final = MappingProxyType[str, Any](
    {
        "browser.gatherUsageStats": False,  # no request leaves the reader's machine
        "client.allowedOrigins": [],  # no other site may steer a page
        "client.showErrorDetails": "none",  # the traceback is in the log
        "client.showErrorLinks": False,
        "client.toolbarMode": "viewer",
        "global.developmentMode": False,
        "runner.magicEnabled": False,
        "server.allowRunOnSave": False,
        "server.baseUrlPath": "",
        "server.corsAllowedOrigins": [],
        "server.enableAgentApi": False,  # programs have the API
        "server.enableCORS": True,  # the protected state
        "server.enableStaticServing": False,
        "server.enableWebsocketCompression": False,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.folderWatchList": [],
        "server.headless": True,
        "server.maxUploadSize": 1,  # MB, the least; no page takes a file, and the door lets none in
        "server.runOnSave": False,
        "server.scriptHealthCheckEnabled": False,
        "server.trustedUserHeaders": {},
        "server.unsafeMetricsUserAttributes": [],
        "server.xsrfCookieSameSite": "lax",
    }
)


def lock() -> None:
    """Set them."""
    for name, value in LOCKED.items():
        config.set_option(name, value)
