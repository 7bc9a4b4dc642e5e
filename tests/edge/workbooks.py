"""Zips, and workbooks made by hand, part by part: what a spreadsheet writes, without a spreadsheet."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from xml.sax.saxutils import escape

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="{target}" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/>{more}</Relationships>'
)
_STYLES = (
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="4">'
    '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="21"/></cellXfs></styleSheet>'
)
_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="{name}" sheetId="1" r:id="r1"/></sheets></workbook>'
)
_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet knows no zones

CellValue = str | float | datetime | date | time


def workbook(rows: Sequence[Sequence[CellValue]], name: str = "Cases") -> bytes:
    """The bytes of a workbook with one sheet of these rows."""
    lines = "".join(
        f'<row r="{number}">{"".join(_cell(cell, number, place) for place, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    )
    styles = (
        '<Relationship Id="r2" Target="styles.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"/>'
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _RELATIONS.format(target="xl/workbook.xml", kind="officeDocument", more=""),
        "xl/workbook.xml": _BOOK.format(name=escape(name)),
        "xl/_rels/workbook.xml.rels": _RELATIONS.format(target="worksheets/sheet1.xml", kind="worksheet", more=styles),
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": (
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f"<sheetData>{lines}</sheetData></worksheet>"
        ),
    }
    return zipped({part: text.encode() for part, text in parts.items()})


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """The bytes of a zip of these files, the same every time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def _cell(value: CellValue, row: int, place: int) -> str:
    at = f"{chr(ord('A') + place)}{row}"
    if isinstance(value, datetime):
        return f'<c r="{at}" s="2"><v>{(value - _ZERO).total_seconds() / 86_400}</v></c>'
    if isinstance(value, date):
        return f'<c r="{at}" s="1"><v>{(value - _ZERO.date()).days}</v></c>'
    if isinstance(value, time):
        return f'<c r="{at}" s="3"><v>{(value.hour * 60 + value.minute) / 1_440}</v></c>'
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
    return f'<c r="{at}"><v>{value}</v></c>'
