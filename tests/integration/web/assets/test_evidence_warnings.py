"""What only may be wrong with a statement is told when it is stated, and to its certifier, and keeps nobody from signing it."""

from worlds.trade import Trade


def test_a_statement_of_another_economy_than_its_holders_center_is_warned_of(trade: Trade) -> None:
    at_home = trade.state(economy="PE", quantity="1")
    abroad = trade.state(economy="BR", quantity="1")
    assert (at_home.status_code, abroad.status_code) == (201, 201)
    assert [each for each in at_home.json()["warnings"] if "abroad" in each] == []
    (warning,) = [each for each in abroad.json()["warnings"] if "abroad" in each]
    assert "made in BR" in warning and "one of PE" in warning and "lima/cooperative" in warning
    digest = abroad.json()["digest"]
    looked = trade.site.get(f"/v1/evidence/{digest}", key=trade.certifier).json()
    assert warning in looked["warnings"]
    signed = trade.site.post(f"/v1/evidence/{digest}/signature", key=trade.certifier, json={})
    assert signed.status_code == 200 and warning in signed.json()["warnings"]
