"""Holds a message to OASIS's schema of CAP 1.2, by as much of XML Schema as that schema uses.

It shares nothing with what writes messages. Sequences, cardinalities, enumerations and patterns are read from the
schema; what the standard says in words alone (section 3.2) is written out below. Entities and document types are
refused before anything is read.
"""

import re
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.parsers import expat

SCHEMA = Path(__file__).parents[1] / "fixtures" / "cap" / "CAP-v1.2-schema.xsd"
XSD = "{http://www.w3.org/2001/XMLSchema}"
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


class Refused(AssertionError):
    pass


def parsed(text: bytes) -> ET.Element:
    """An element of a document that declares nothing."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise Refused("a document type, and with it entities")

    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text, True)
    return ET.fromstring(text)  # noqa: S314 - nothing is declared in it


_SCHEMA = parsed(SCHEMA.read_bytes())
_NAMED = {one.get("name"): one for one in _SCHEMA.findall(f"{XSD}element")}


def faults(message: ET.Element) -> list[str]:
    """What of a message the schema forbids."""
    if message.tag != f"{CAP}alert":
        return [f"{message.tag} is no alert"]
    return [*_of_element(message, _NAMED["alert"], "alert"), *_of_words(message)]


def _of_element(found: ET.Element, declared: ET.Element, path: str) -> list[str]:
    sequence = declared.find(f"{XSD}complexType/{XSD}sequence")
    if found.attrib:
        return [f"{path} has attributes"]
    if sequence is None:
        return [f"{path} has elements in it"] if len(found) else _of_text(found.text or "", declared, path)
    said = [f"{path} has text in it"] if _has_text(found) else []
    inside = list(found)
    for part in sequence.findall(f"{XSD}element"):
        meant = _NAMED[part.get("ref").removeprefix("cap:")] if part.get("ref") else part
        name = meant.get("name")
        count = 0
        while inside and inside[0].tag == CAP + name:
            said += _of_element(inside.pop(0), meant, f"{path}/{name}")
            count += 1
        at_least, at_most = part.get("minOccurs", "1"), part.get("maxOccurs", "1")
        if count < int(at_least) or (at_most != "unbounded" and count > int(at_most)):
            said.append(f"{path}/{name} is there {count} times")
    return said + [f"{path}: {one.tag} is out of place" for one in inside]


def _has_text(found: ET.Element) -> bool:
    return bool("".join([found.text or "", *(child.tail or "" for child in found)]).strip())


def _of_text(text: str, declared: ET.Element, path: str) -> list[str]:
    allowed = [one.get("value") for one in declared.iter(f"{XSD}enumeration")]
    patterns = [one.get("value") for one in declared.iter(f"{XSD}pattern")]
    said = [f"{path} is {text}"] if allowed and text not in allowed else []
    return said + [f"{path} is {text}" for one in patterns if not re.fullmatch(one, text)]


def _of_words(message: ET.Element) -> list[str]:
    """What section 3.2 of the standard asks for and its schema cannot."""
    said = [
        f"{name} has a space, a comma, < or & in it"
        for name in ("identifier", "sender")
        if re.search(r"[\s,<&]", message.findtext(CAP + name, ""))
    ]
    if message.findtext(f"{CAP}scope") == "Restricted" and not message.findtext(f"{CAP}restriction"):
        said.append("a restricted message says for whom")
    said += [
        f"{reference} is no reference"
        for reference in message.findtext(f"{CAP}references", "").split()
        if not re.fullmatch(r"[^\s,<&]+,[^\s,<&]+,\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", reference)
    ]
    times = [one.text for one in message.iter() if one.tag in (f"{CAP}sent", f"{CAP}onset")]
    said += [f"{one} is UTC, written -00:00" for one in times if one.endswith("+00:00")]
    said += [f"{one.tag} is empty" for one in message.iter() if not len(one) and not (one.text or "").strip()]
    return said
