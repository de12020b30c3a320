"""The report of what was spent: sums that are exact, in a page, a workbook and a CSV file, to whom they belong alone."""

import csv
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest
from greenlane.core.assets.purchase import Price
from greenlane.services.assets.acting import Asker
from worlds.deployment import HO_CHI_MINH, LIMA, World
from worlds.desk import Desk, hidden
from worlds.officer import CERTIFIER, Office
from worlds.web import Site

PERIOD = "from=2026-01-01&to=2026-12-31"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "＝1")


def price(amount: str, currency: str = "PEN") -> Price:
    return Price(amount=amount, currency=currency)


def sheets(desk: Desk, period: str = PERIOD) -> "dict[str, list[tuple[Any, ...]]]":
    """The workbook, read back; the head of each sheet left out."""
    answer = desk.get(f"/reports/spend.xlsx?{period}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "private, no-store"
    book = openpyxl.load_workbook(BytesIO(answer.content))
    for sheet in book.worksheets:
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    return {sheet.title: [tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2)] for sheet in book.worksheets}


def rows(desk: Desk, period: str = PERIOD) -> "list[dict[str, str]]":
    """The CSV file, read back."""
    answer = desk.get(f"/reports/spend.csv?{period}")
    assert answer.status_code == 200 and answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.fixture
def spent(office: Office) -> Office:
    """Six lines in two currencies: one retired, one accepted, one only offered."""
    orders = [
        office.order(
            office.line(price=price("0.1")), office.line(category="Office", price=price("0.2")), ordered_on=date(2026, 4, 2)
        ),
        office.order(office.line(price=price("1000.0001"), economy="CN"), ordered_on=date(2026, 5, 3)),
        office.order(
            office.line(price=price("250.50", "USD")), office.line(price=price("49.5", "USD")), ordered_on=date(2026, 5, 4)
        ),
        office.order(office.line(price=price("7"), quantity="0.5"), ordered_on=date(2026, 5, 31)),
    ]
    for at, number in ((0, 1), (1, 1), (2, 2), (3, 1)):
        office.offer(orders[at], number)
    for at, number in ((0, 1), (1, 1), (2, 2)):
        office.accept(orders[at], number)
    office.retire(orders[1])
    return office


def test_sums_are_exact_and_currencies_are_never_added_together(desk: Desk, spent: Office) -> None:
    found = {
        (by, of, currency): (total, green, accepted, lines, greens, accepteds)
        for by, of, currency, total, green, accepted, lines, greens, accepteds in sheets(desk)["Sums"]
    }
    assert found["All", None, "PEN"] == (1007.3001, 1000.0001, 0.1, 4, 1, 1)
    assert found["All", None, "USD"] == (300, 0, 49.5, 2, 0, 1)
    assert found["Category", "Office", "PEN"] == (0.2, 0, 0, 1, 0, 0)
    assert found["Economy", "CN", "PEN"] == (1000.0001, 1000.0001, 0, 1, 1, 0)
    assert found["Month", "May 2026", "PEN"] == (1007.0001, 1000.0001, 0, 2, 1, 0)
    assert {currency for _, _, currency in found} == {"PEN", "USD"}


def test_page_workbook_and_csv_say_the_same_and_every_sum_is_that_of_its_lines(desk: Desk, spent: Office) -> None:
    lines = rows(desk)
    assert len(lines) == 6
    total: dict[str, Decimal] = defaultdict(Decimal)
    green: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        total[line["Currency"]] += Decimal(line["Amount"])
        green[line["Currency"]] += Decimal(line["Amount"]) * (line["Green"] == "yes")
    page = desk.get(f"/reports/spend?{PERIOD}").text
    for currency in total:
        shown = re.search(
            rf'id="in-{currency}">.*?>([0-9.,]+) {currency}</a>, of it green ([0-9.,]+) {currency}', page, re.DOTALL
        )
        assert shown is not None
        assert [Decimal(each.replace(",", "")) for each in shown.groups()] == [total[currency], green[currency]]
    assert [[line["Purchase"], int(line["Line"]), line["Description"]] for line in lines] == [
        list(row[1:4]) for row in sheets(desk)["Lines"]
    ]


def test_each_number_leads_to_its_lines_and_each_line_to_its_purchase_and_retirement(desk: Desk, spent: Office) -> None:
    page = desk.get(f"/reports/spend?{PERIOD}").text
    for path in re.findall(r'href="(/reports/spend\?[^"#]*by=[^"#]*)#lines"', page):
        listed = desk.get(path.replace("&amp;", "&")).text.split('id="lines"')[1]
        assert listed.count('class="what"') >= 1
    (economy,) = [path for path in re.findall(r'href="(/reports/spend\?[^"#]*)#lines"', page) if "of=CN" in path]
    listed = desk.get(economy.replace("&amp;", "&")).text.split('id="lines"')[1]
    assert listed.count('class="what"') == 1 and "Retired" in listed
    (purchase,) = re.findall(r'href="(/purchases/[0-9a-f]{32})#line-1"', listed)
    (retirement,) = re.findall(r'href="(/retirements/0x[0-9a-f]{64})"', listed)
    assert desk.get(purchase).status_code == 200 and desk.get(retirement).status_code == 200
    (row,) = [row for row in rows(desk) if row["Standing"] == "Retired"]
    assert row["Its retirements"].endswith(retirement) and purchase in row["Its purchase"]


def test_only_what_was_ordered_in_the_period_is_in_it(desk: Desk, spent: Office) -> None:
    assert [row["Ordered on"] for row in rows(desk, "from=2026-05-03&to=2026-05-04")] == [
        "2026-05-03",
        "2026-05-04",
        "2026-05-04",
    ]
    assert len(rows(desk, "")) == 6
    assert rows(desk, "from=2025-01-01&to=2025-12-31") == []
    assert "Nothing was ordered in this period" in desk.get("/reports/spend?from=2025-01-01&to=2025-12-31").text
    assert sheets(desk, "from=2025-01-01&to=2025-12-31") == {"Sums": [], "Lines": []}


def test_a_claim_whose_evidence_was_revoked_is_green_no_more(desk: Desk, spent: Office, world: World) -> None:
    certifier = Asker(center=HO_CHI_MINH, member=CERTIFIER, actor="console")
    world.assets.revoke(certifier, digest=spent.token, reason="cleared")
    spent.work((HO_CHI_MINH, LIMA))
    assert {row["Standing"] for row in rows(desk)} == {"Challenged", "Not yet"}
    assert {row["Green"] for row in rows(desk)} == {"no"}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(desk: Desk, office: Office, text: str) -> None:
    office.order(office.line(category=text, description=text), reference=text)
    (line,) = sheets(desk)["Lines"]
    assert (line[1], line[3], line[4]) == (text, text, text)
    (row,) = rows(desk)
    assert [row[name] for name in ("Purchase", "Description", "Category")] == [f"'{text}"] * 3


def test_an_amount_that_a_spreadsheet_would_round_is_written_out(desk: Desk, office: Office) -> None:
    office.order(office.line(price=price("123456789012345678.9999")), office.line(price=price("0.0001")))
    assert [row["Amount"] for row in rows(desk)] == ["123456789012345678.9999", "0.0001"]
    assert [line[8] for line in sheets(desk)["Lines"]] == ["123456789012345678.9999", 0.0001]
    assert "123,456,789,012,345,679 PEN" in desk.get(f"/reports/spend?{PERIOD}").text


def test_texts_of_all_the_world_come_through(desk: Desk, office: Office) -> None:
    words = 'Ñandú, "天津" ; 试点 🌱'
    office.order(office.line(description=words), reference="天津 \U0001f331")
    assert rows(desk)[0]["Description"] == words and sheets(desk)["Lines"][0][3] == words


@pytest.mark.parametrize(
    "query", ["from=x", "from=2026-13-01", "to=2026-02-30", "from=2026-02-01&to=2026-01-01", "from=%00", "from=" + "9" * 500]
)
def test_a_period_that_cannot_be_is_told_in_words(desk: Desk, office: Office, query: str) -> None:
    page = desk.get(f"/reports/spend?{query}")
    assert page.status_code == 400 and "That period cannot be" in page.text
    for kind in ("csv", "xlsx"):
        assert desk.get(f"/reports/spend.{kind}?{query}").status_code == 400


def test_what_things_cost_is_told_to_the_buyer_and_its_center_alone(stranger: Desk, spent: Office, site: Site) -> None:
    for path in ("/reports/spend", "/reports/spend.csv", "/reports/spend.xlsx"):
        answer = stranger.get(f"{path}?{PERIOD}", Accept="text/html")
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=/reports/spend")
    for key, count in ((site.member, 0), (site.stranger, 0), (site.operator, 6), (spent.city_key, 6)):
        stranger.client.cookies.clear()
        stranger.sign_in(key)
        assert len(rows(stranger)) == count
        assert ("1,000.0001" in stranger.get(f"/reports/spend?{PERIOD}").text) == bool(count)
        assert "form" in hidden(stranger.get("/sign-out").text)


def test_a_program_fetches_the_files_with_an_api_key_and_never_a_page_in_their_place(stranger: Desk, spent: Office) -> None:
    with_key = {"Authorization": f"Bearer {spent.city_key}", "Accept": "*/*"}
    for kind in ("csv", "xlsx"):
        fetched = stranger.get(f"/reports/spend.{kind}?{PERIOD}", **with_key)
        assert fetched.status_code == 200 and "html" not in fetched.headers["content-type"]
        refused = stranger.get(f"/reports/spend.{kind}?{PERIOD}", Accept="*/*")
        assert refused.status_code == 401
        assert stranger.get(f"/reports/spend.{kind}?{PERIOD}", Authorization="Bearer gl_x", Accept="*/*").status_code == 401
    # A page is for people: a key alone opens none.
    assert stranger.get(f"/reports/spend?{PERIOD}", **with_key).status_code == 303
