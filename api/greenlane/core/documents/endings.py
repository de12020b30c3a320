"""How the name of a document may end: its ending is what a computer opens a copy by, whatever media type was stated and checked.

A type that is known here has its own endings. Any other type may have any ending but those that a computer runs, or reads to
change what other files look like. A name without an ending is opened by nothing, and suits every type.
Source: RFC 6838, 3.1 and the IANA registry of media types for the endings; what Windows, macOS and desktops of Linux run.
"""

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_XML_ENDINGS = frozenset({"xml", "xsd"})
_ENDINGS = {
    "application/json": frozenset({"json", "jsonld", "geojson"}),
    "application/pdf": frozenset({"pdf"}),
    "application/xml": _XML_ENDINGS,
    "application/zip": frozenset({"zip"}),
    "image/gif": frozenset({"gif"}),
    "image/heic": frozenset({"heic", "heif"}),
    "image/jpeg": frozenset({"jpg", "jpeg", "jpe"}),
    "image/png": frozenset({"png"}),
    "image/svg+xml": frozenset({"svg"}),
    "image/tiff": frozenset({"tif", "tiff"}),
    "image/webp": frozenset({"webp"}),
    "text/csv": frozenset({"csv"}),
    "text/html": frozenset({"html", "htm"}),
    "text/plain": frozenset({"txt", "text", "log", "md", "asc"}),
    "text/xml": _XML_ENDINGS,
    f"{_OPEN_XML}presentationml.presentation": frozenset({"pptx"}),
    f"{_OPEN_XML}spreadsheetml.sheet": frozenset({"xlsx"}),
    f"{_OPEN_XML}wordprocessingml.document": frozenset({"docx"}),
    f"{_OPEN_DOCUMENT}presentation": frozenset({"odp"}),
    f"{_OPEN_DOCUMENT}spreadsheet": frozenset({"ods"}),
    f"{_OPEN_DOCUMENT}text": frozenset({"odt"}),
}
_RUN = frozenset(
    """
    ade adp apk app appimage application appref-ms apx bat bash cab chm class cmd com command cpl csh deb desktop diagcab dll dmg
    elf exe gadget hta htm html img inf ini ins iso isp jar jnlp js jse ksh lnk mde mht mhtml mjs msc msh msi msp mst ocx php pif
    pkg pl prg ps1 psm1 py pyw rb reg rpm run scf scpt scr sct settingcontent-ms sh shs shtml svg svgz swf sys terminal theme tool
    url vb vbe vbs vbscript vhd vhdx webloc workflow ws wsc wsf wsh xbap xht xhtml xll zsh
    """.split()  # noqa: SIM905 - a hundred lines of one word each show less
)


def endings_of(media_type: str) -> frozenset[str]:
    """The endings of a media type, in lower case and without a dot; none where the type is not known here."""
    return _ENDINGS.get(media_type, frozenset())


def suits(name: str, media_type: str) -> bool:
    """Whether a document of the type may have the name.

    Args:
        name: a plain file name, as `read_file_name` takes it.
        media_type: without parameters, in lower case.
    """
    _, dot, ending = name.rpartition(".")
    if not dot:
        return True
    known = endings_of(media_type)
    return ending.lower() in known if known else ending.strip().lower() not in _RUN
