"""A browser without a screen: keeps cookies, sends the forms of pages, and follows no redirect by itself.

with open_desk(site) as desk:
    desk.sign_in(office.city_key)
    answer = desk.fill("/sign-out")      # opens the page, and sends its form
"""

import html
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from worlds.web import Site

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Desk:
    """Somebody at a browser: keeps cookies, follows no redirect by itself, and sends forms as a page of this site does."""

    site: Site
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(self.site.url + path, headers={"Accept": "text/html"} | headers)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Sends fields as they are."""
        given = {"Accept": "text/html", "Origin": self.site.url, "Sec-Fetch-Site": "same-origin"} | headers
        return self.client.post(self.site.url + path, data=fields, headers={k: v for k, v in given.items() if v})

    def fill(self, path: str, **fields: str) -> httpx.Response:
        """Opens a page and sends its form with these fields."""
        return self.fill_page(self.get(path), **fields)

    def fill_page(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Sends the form of a page to the page's own address."""
        return self.send(page.request.url.raw_path.decode(), hidden(page.text) | fields)

    def sign_in(self, key: str) -> "Desk":
        assert self.send("/sign-in", {"key": key}).status_code == 303
        return self


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(text)}


@contextmanager
def open_desk(site: Site) -> Iterator[Desk]:
    """A browser at which nobody is signed in."""
    with httpx.Client(timeout=30, verify=_NO_CERTIFICATES) as client:
        yield Desk(site=site, client=client)
