"""What sensors saw: the fields of a sensor element, its metadata and its reports. Source: EPCIS 2.0, section 7.3.7."""

from typing import Any, Final

from greenlane.core.epcis.context import Context
from greenlane.core.epcis.fields import (
    Check,
    Flaw,
    Flaws,
    check_boolean,
    check_hex,
    check_number,
    check_text,
    check_time,
    check_uri,
    listed,
    record,
    term,
)
from greenlane.core.epcis.vocabulary import VocabularyKind

_ELEMENT_TYPES: Final = frozenset({"epcis:SensorElement", "SensorElement", "https://ref.gs1.org/epcis/SensorElement"})


def _check_element_type(value: Any, _: Context) -> Flaws | None:
    """JSON-LD lets a sensor element say that it is one."""
    if type(value) is str and value in _ELEMENT_TYPES:
        return None
    return [Flaw("", "A sensor element has no other type.", 'Leave it out, or write "epcis:SensorElement".')]


_SOURCES: Final[dict[str, Check]] = {
    "deviceID": check_uri,
    "deviceMetadata": check_uri,
    "rawData": check_uri,
    "dataProcessingMethod": check_uri,
    "bizRules": check_uri,
    "time": check_time,
}
_METADATA: Final = record(_SOURCES | {"startTime": check_time, "endTime": check_time}, is_open=True, what="sensorMetadata")
_REPORT: Final = record(
    _SOURCES
    | {
        "type": term(VocabularyKind.MEASUREMENT_TYPE),
        "exception": term(VocabularyKind.SENSOR_EXCEPTION),
        "microorganism": check_uri,
        "chemicalSubstance": check_uri,
        "coordinateReferenceSystem": check_uri,
        "value": check_number,
        "component": term(VocabularyKind.COMPONENT),
        "stringValue": check_text,
        "booleanValue": check_boolean,
        "hexBinaryValue": check_hex,
        "uriValue": check_uri,
        "minValue": check_number,
        "maxValue": check_number,
        "meanValue": check_number,
        "sDev": check_number,
        "percRank": check_number,
        "percValue": check_number,
        "uom": check_text,
    },
    required=("type",),
    is_open=True,
    what="sensorReport",
)
check_sensor_elements: Final = listed(
    record(
        {
            "type": _check_element_type,
            "sensorMetadata": _METADATA,
            "sensorReport": listed(_REPORT, at_least=1, what="a list of reports"),
        },
        required=("sensorReport",),
        is_open=True,
        what="a sensor element",
    ),
    what="a list of sensor elements",
)
"""Checks a sensorElementList."""
