"""A class of green assets as a file or as words of a command line: read strictly, for a class never changes once it is admitted.

    id = "cocoa-df"                    TOML; in JSON the names are those in brackets
    attribute = "deforestation-free"
    unit = "KGM"                       UN/CEFACT Recommendation 20
    decimals = 3                       quantities count grams
    custody_model = "segregated"       [custodyModel] the weakest that the class promises
    tradable = true                    [isTradable]
    claim_days = 365                   [claimDays] after the end of a vintage
    name = "Cocoa, free of deforestation"

All centers vote for the same content, so a file that goes from hand to hand is the surest way. What the contract would refuse is
refused here, with its place. Source: contracts/GreenAsset.sol, _checkClass.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from greenlane.core.assets.custody import read_custody_model
from greenlane.core.assets.evidence import read_name
from greenlane.core.assets.facts import MAX_CLAIM_DAYS, MAX_CLASS_NAME_BYTES, AssetClass
from greenlane.core.assets.quantity import Unit
from greenlane.core.assets.texts import read_words
from greenlane.core.canonical import JsonValue, parse_json
from greenlane.core.errors import InvalidInput
from greenlane.core.exits import UnreadableFile
from greenlane.core.wire import FieldInvalid, read_count, read_line, read_object

MAX_CLASS_FILE_BYTES: Final = 16_384
NAMES: Final = ("id", "attribute", "unit", "decimals", "custody_model", "tradable", "claim_days", "name")
"""Of a class's values, as TOML has them."""
_JSON_NAMES: Final = {"custodyModel": "custody_model", "isTradable": "tradable", "claimDays": "claim_days"}


class ClassFileInvalid(InvalidInput):
    """A file describes no class of green assets; `where` names the file and the place in it."""

    code = "class-file-invalid"


def load_class(path: Path) -> AssetClass:
    """Reads a class out of a file whose name ends in .toml or .json.

    Raises:
        UnreadableFile: it cannot be read.
        ClassFileInvalid: it describes no class.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CLASS_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check its name.") from error
    try:
        return read_class(_content(data, is_json=path.suffix.lower() == ".json"), "")
    except InvalidInput as error:
        raise ClassFileInvalid(error.detail, where=f"{path}{error.where or ''}", remedy=error.remedy) from error


def read_class(content: JsonValue, where: str) -> AssetClass:
    """Reads a class out of its values by name, all of NAMES.

    Raises:
        InvalidInput: one is missing, not known, or not as it must be; `where` points at it.
    """
    fields = read_object(content, NAMES, where)
    name = read_words(fields["name"], f"{where}/name", longest=MAX_CLASS_NAME_BYTES)
    if len(name.encode()) > MAX_CLASS_NAME_BYTES:
        raise FieldInvalid(
            f"A name has at most {MAX_CLASS_NAME_BYTES} bytes in UTF-8.", where=f"{where}/name", remedy="Shorten it."
        )
    return AssetClass(
        id=read_name(fields["id"], f"{where}/id"),
        attribute=read_name(fields["attribute"], f"{where}/attribute"),
        unit=_unit(fields, where),
        custody_model=read_custody_model(fields["custody_model"], f"{where}/custody_model"),
        is_tradable=_flag(fields["tradable"], f"{where}/tradable"),
        claim_days=_days(fields["claim_days"], f"{where}/claim_days"),
        name=name,
    )


def _content(data: bytes, *, is_json: bool) -> JsonValue:
    if len(data) > MAX_CLASS_FILE_BYTES:
        raise FieldInvalid(f"A class takes at most {MAX_CLASS_FILE_BYTES} bytes.", where="", remedy="Is it the right file?")
    if is_json:
        told = parse_json(data)
        if isinstance(told, dict):
            unknown = [name for name in told if name in NAMES and name in _JSON_NAMES.values()]
            if unknown:
                raise FieldInvalid(f"In JSON no field {unknown[0]!r} is known.", where=f"/{unknown[0]}", remedy=_spelling())
            return {_JSON_NAMES.get(name, name): value for name, value in told.items()}
        return told
    try:
        return cast(JsonValue, tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise FieldInvalid("This is no TOML in UTF-8.", where="", remedy="Mend it; toml.io tells how.") from error


def _spelling() -> str:
    return "Write " + ", ".join(f"{json} for {toml}" for json, toml in _JSON_NAMES.items()) + "."


def _unit(fields: Mapping[str, JsonValue], where: str) -> Unit:
    code = read_line(fields["unit"], f"{where}/unit", longest=8)
    decimals = read_count(fields["decimals"], f"{where}/decimals")
    try:
        return Unit(code=code, decimals=decimals)
    except InvalidInput as error:
        raise FieldInvalid(error.detail, where=f"{where}/unit", remedy=error.remedy) from error


def _flag(value: JsonValue, where: str) -> bool:
    if not isinstance(value, bool):
        raise FieldInvalid("true or false is expected.", where=where, remedy="Write true or false, without quotes.")
    return value


def _days(value: JsonValue, where: str) -> int:
    days = read_count(value, where)
    if days > MAX_CLAIM_DAYS:
        raise FieldInvalid(f"{days} days are too many.", where=where, remedy=f"Give 0 to {MAX_CLAIM_DAYS}.")
    return days
