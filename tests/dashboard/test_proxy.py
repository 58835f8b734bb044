"""The example for nginx, run as it is (but for ports and the certificate) before a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from etl.settings import Folders
from etl.timer import DEPLOY
from tests.dashboard.serving import free_port, serving
from tests.siege.session import session

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
NAME = "ledger.example"

pytestmark = pytest.mark.skipif(
    not NGINX, reason="nginx is not installed (apt-get install nginx-light)"
)


@dataclass(frozen=True)
class Proxy:
    """nginx on this machine: its ports, and the server behind it."""

    plain: int
    port: int
    behind: str
    trusts: ssl.SSLContext

    def client(self, name: str = NAME) -> httpx.Client:
        """Speaks TLS with nginx under the name of the site; asks under ``name``."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", verify=self.trusts, trust_env=False, timeout=60,
            headers={"Host": name},
        )  # fmt: skip


def get(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.get(path, headers=headers, extensions={"sni_hostname": NAME})


def configured(folder: Path, plain: int, port: int, behind: str) -> Path:
    """The example with our ports and certificate, within the least that nginx needs around it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key,
         "-out", certificate, "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for old, new in {
        "/etc/ssl/certs/ledger.example.pem": str(certificate),
        "/etc/ssl/private/ledger.example.key": str(key),
        "http://127.0.0.1:8501": behind,
        "listen 80": f"listen 127.0.0.1:{plain}",
        "listen 443": f"listen 127.0.0.1:{port}",
    }.items():
        assert old in text, f"the example no longer says {old}"
        text = text.replace(old, new)
    (folder / "site.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )  # fmt: skip
    main = folder / "nginx.conf"
    main.write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
    )
    return main


@contextmanager
def serving_as(environment: pytest.MonkeyPatch, folders: Folders) -> Iterator[str]:
    """The address of a server that knows its name, as the example says."""
    environment.setenv("HMA_API__PUBLIC_URL", f"https://{NAME}/")
    with serving(folders) as (behind, _):
        yield behind


@pytest.fixture(scope="module")
def proxy(built_folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    plain, port = free_port(), free_port()
    with (
        pytest.MonkeyPatch.context() as environment,
        serving_as(environment, built_folders) as behind,
    ):
        main = configured(folder, plain, port, behind)
        # workers of another user could not write into a folder of ours
        user = ["-g", "user root;"] if folder.owner() == "root" else []
        process = subprocess.Popen(
            [str(NGINX), "-c", main, "-p", folder, *user], stderr=subprocess.PIPE
        )
        trusts = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
        found = Proxy(plain, port, behind, trusts)
        try:
            _wait(found, process)
            yield found
        finally:
            process.terminate()
            process.communicate()


def _wait(proxy: Proxy, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with proxy.client() as client:
                get(client, "/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    process.kill()
    raise AssertionError(f"nginx did not start: {process.communicate()[1].decode()}")


def test_who_asks_for_another_name_gets_no_answer(proxy: Proxy) -> None:
    for name in ("elsewhere.example", "127.0.0.1", f"{NAME}.elsewhere.example"):
        with proxy.client(name) as client, pytest.raises(httpx.RemoteProtocolError):
            get(client, "/")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{proxy.plain}/", headers={"Host": name}, trust_env=False)
    with proxy.client() as client, pytest.raises(httpx.ConnectError):
        client.get("/")  # TLS under the name 127.0.0.1


def test_plain_http_leads_to_https_under_the_sites_own_name(proxy: Proxy) -> None:
    address = f"http://127.0.0.1:{proxy.plain}/country?area=VNM"
    answer = httpx.get(address, headers={"Host": NAME}, trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (
        301,
        f"https://{NAME}/country?area=VNM",
    )


def test_every_answer_bears_the_headers_that_guard_a_reader(proxy: Proxy) -> None:
    with proxy.client() as client:
        for path in ("/country?area=VNM", "/api/v1/coverage.csv?area=VNM", "/nothing/here"):
            answer = get(client, path)
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            for name, value in {
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            }.items():
                assert answer.headers.get_list(name) == [value], (path, name)
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Server"] == "nginx", "and no version"


def test_what_a_client_says_of_the_name_does_not_get_through(proxy: Proxy) -> None:
    with proxy.client() as client:
        sitemap = get(client, "/sitemap.xml", **{"X-Forwarded-Host": "elsewhere.example"}).text
        assert f"<loc>https://{NAME}/" in sitemap
        assert "elsewhere.example" not in sitemap
        page = get(client, "/country?area=VNM", **{"X-Forwarded-Host": "elsewhere.example"}).text
        assert f"https://{NAME}/" in page
        assert "elsewhere.example" not in page


def test_what_is_for_the_machine_itself_is_not_shown(proxy: Proxy) -> None:
    assert httpx.get(f"{proxy.behind}/metrics", trust_env=False).status_code == 200
    with proxy.client() as client:
        assert get(client, "/metrics").status_code == 404
        assert get(client, "/readyz").status_code == 404
        assert get(client, "/healthz").status_code == 200


def test_answers_come_packed_with_their_tag_and_are_not_sent_twice(proxy: Proxy) -> None:
    with proxy.client() as client:
        first = get(client, "/api/v1/coverage.csv?fiscal_year=2017", **{"Accept-Encoding": "gzip"})
        assert first.headers["Content-Encoding"] == "gzip"
        straight = httpx.get(
            f"{proxy.behind}/api/v1/coverage.csv?fiscal_year=2017", trust_env=False
        )
        assert first.content == straight.content
        assert first.headers["ETag"] == straight.headers["ETag"]
        again = get(
            client,
            "/api/v1/coverage.csv?fiscal_year=2017",
            **{"If-None-Match": first.headers["ETag"]},
        )
        assert (again.status_code, again.content) == (304, b"")


def test_the_pages_connection_passes_and_one_from_another_site_does_not(proxy: Proxy) -> None:
    options = {"ssl": proxy.trusts, "host": "127.0.0.1", "port": proxy.port, "proxy": None}

    async def opened(origin: str) -> str:
        async with session(f"https://{NAME}", **options, origin=origin) as there:
            return (await there.open("country", "area=VNM")).texts

    assert "Vietnam" in asyncio.run(opened(f"https://{NAME}"))
    with pytest.raises(Exception, match="403"):
        asyncio.run(opened("https://elsewhere.example"))


def test_who_asks_too_much_at_once_is_told_so_and_served_again_a_little_later(proxy: Proxy) -> None:
    address = "/api/v1/areas/count"
    with proxy.client() as client, ThreadPoolExecutor(36) as many:
        statuses = list(many.map(lambda _: get(client, address).status_code, range(36)))
        assert {200, 429} <= set(statuses) <= {200, 429, 503}  # 503: of the server itself
        assert statuses.count(200) >= 10, "what a page or a program asks at once passes"
        deadline = time.monotonic() + 20
        while get(client, address).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_nothing_of_the_example_was_left_at_its_usual_place(proxy: Proxy, tmp_path: Path) -> None:
    text = configured(tmp_path, 1, 2, "http://127.0.0.1:3").with_name("site.conf").read_text()
    assert not re.search(r"/etc/|:8501|listen (80|443)\b", re.sub(r"#.*", "", text))
