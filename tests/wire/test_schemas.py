"""What is wrong with schemas is found, all of it, each with its mend: one bad schema per mistake."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from safety_stream import data_files
from safety_stream.data_files import catalogue_folder, schemas_folder
from safety_stream.wire.check import check_schemas, registry_line
from safety_stream.wire.compatibility import breaches, check_version, mode_of
from safety_stream.wire.registry import read_registry
from safety_stream.wire.schema import SchemaFault, fingerprint, read_schema, sensitivity_of, to_json

Change = Callable[[dict], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the schemas that ship, to be spoilt."""
    return Path(shutil.copytree(schemas_folder(), tmp_path / "schemas"))


def edit(path: Path, change: Change) -> None:
    written = json.loads(path.read_text())
    change(written)
    path.write_text(json.dumps(written))


def field_of(written: dict, name: str) -> dict:
    return next(field for field in written["fields"] if field["name"] == name)


def said(folder: Path) -> list[str]:
    return [
        f"{issue.severity} {issue.file} {issue.where}: {issue.what}; {issue.mend}" for issue in check_schemas(folder)
    ]


def add_version(folder: Path, subject: str, change: Change) -> None:
    """The newest version of a subject, changed, as its next version; registered."""
    newest = read_registry(folder).newest(subject)
    file = f"{subject}/v{newest.version + 1}.avsc"
    written = json.loads((folder / subject / f"v{newest.version}.avsc").read_text())
    change(written)
    (folder / file).write_text(json.dumps(written))
    entries = json.loads((folder / "registry.json").read_text())
    entries.append(json.loads(registry_line(folder, file, len(entries) + 1)))
    (folder / "registry.json").write_text(json.dumps(entries))


def test_the_schemas_that_ship_have_no_issue():
    assert [] == said(schemas_folder())


# The registry is append-only.


def change_shared_type(folder: Path) -> None:
    edit(folder / "types/place.avsc", lambda written: written["fields"].pop())


def change_version(folder: Path) -> None:
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "count").update(type="int"))


def drop_first_line(folder: Path) -> None:
    edit(folder / "registry.json", lambda entries: entries.pop(0))


def drop_last_line(folder: Path) -> None:
    edit(folder / "registry.json", lambda entries: entries.pop())


def swap_lines(folder: Path) -> None:
    edit(folder / "registry.json", lambda entries: entries.insert(3, entries.pop(2)))


def skip_version(folder: Path) -> None:
    edit(folder / "registry.json", lambda entries: entries[1].update(version=3))


def remove_file(folder: Path) -> None:
    (folder / "tally/v1.avsc").unlink()


def spoil_registry(folder: Path) -> None:
    (folder / "registry.json").write_text("[{]")


# The words and shapes of one schema.


def undocumented_field(folder: Path) -> None:
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "count").pop("doc"))


def undocumented_record(folder: Path) -> None:
    edit(folder / "types/place.avsc", lambda written: written.pop("doc"))


def undocumented_enum(folder: Path) -> None:
    edit(folder / "types/action.avsc", lambda written: written.update(doc=""))


def enum_without_default(folder: Path) -> None:
    edit(folder / "types/action.avsc", lambda written: written.pop("default"))


def default_of_another_type(folder: Path) -> None:
    edit(folder / "dead-letter/v1.avsc", lambda written: field_of(written, "attempts").update(default="one"))


def no_json(folder: Path) -> None:
    (folder / "tally/v1.avsc").write_text("{")


def unknown_type(folder: Path) -> None:
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "area").update(type="text"))


def missing_shared_type(folder: Path) -> None:
    (folder / "types/place.avsc").unlink()


def growing_union(folder: Path) -> None:
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "area").update(type=["null", "string", "int"]))


def foreign_logical_type(folder: Path) -> None:
    micros = {"type": "long", "logicalType": "timestamp-micros"}
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "as_of").update(type=micros))


def type_that_holds_itself(folder: Path) -> None:
    nested = ["null", "uk.safety_stream.Place"]
    edit(folder / "types/place.avsc", lambda written: field_of(written, "lsoa").update(type=nested))


def misnamed_type_file(folder: Path) -> None:
    shutil.copy(folder / "types/place.avsc", folder / "types/where.avsc")


def unused_type(folder: Path) -> None:
    edit(folder / "types/place.avsc", lambda written: written.update(name="Elsewhere"))
    (folder / "types/place.avsc").rename(folder / "types/elsewhere.avsc")
    shutil.copy(schemas_folder() / "types/place.avsc", folder / "types/place.avsc")


# Examples.


def one_example_only(folder: Path) -> None:
    (folder / "incident-report/examples/fire-dwelling-no-alarm.json").unlink()


def example_that_does_not_fit(folder: Path) -> None:
    path = folder / "incident-report/examples/fire-dwelling-no-alarm.json"
    edit(path, lambda written: written.update(adress="x"))


def example_of_another_kind(folder: Path) -> None:
    path = folder / "incident-report/examples/fire-dwelling-no-alarm.json"
    edit(path, lambda written: written.update(kind="collision"))


def example_nobody_may_write(folder: Path) -> None:
    path = folder / "incident-report/examples/fire-dwelling-no-alarm.json"
    edit(path, lambda written: written.update(action="UNKNOWN"))


def details_file(folder: Path) -> Path:
    return folder / "types/domestic-abuse-details.avsc"


def fact_of_a_list(folder: Path) -> None:
    edit(details_file(folder), lambda written: field_of(written, "service").update(type="double", fact="service"))


def fact_with_a_wrong_name(folder: Path) -> None:
    edit(details_file(folder), lambda written: field_of(written, "dash_score").update(fact="DASH"))


def untagged_word(folder: Path) -> None:
    edit(folder / "types/reported-party.avsc", lambda written: field_of(written, "token").pop("sensitivity"))


def untagged_list(folder: Path) -> None:
    edit(folder / "sighting-change/v1.avsc", lambda written: field_of(written, "key").pop("sensitivity"))
    edit(folder / "types/sighting.avsc", lambda written: field_of(written, "persons").pop("sensitivity"))


def unknown_tag(folder: Path) -> None:
    edit(folder / "types/reported-party.avsc", lambda written: field_of(written, "token").update(sensitivity="secret"))


def fact_told_twice(folder: Path) -> None:
    edit(details_file(folder), lambda written: field_of(written, "children_in_household").update(fact="dash-score"))


def fact_nobody_reads(folder: Path) -> None:
    edit(folder / "tally/v1.avsc", lambda written: field_of(written, "area").update(fact="area"))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (change_shared_type, "error incident-version/v1.avsc : is not what was registered as id 3"),
        (change_version, "error tally/v1.avsc : is not what was registered as id 5"),
        (drop_first_line, "error registry.json id 2: stands in place 1: ids are append-only"),
        (drop_last_line, "error published-alert/v5.avsc : is not registered; add to registry.json"),
        (swap_lines, "error registry.json id 4: stands in place 3: ids are append-only"),
        (
            skip_version,
            "error registry.json id 2: is version 3 in incident-report/v2.avsc, where incident-report/v2.avsc",
        ),
        (remove_file, "error tally/v1.avsc : is registered and cannot be read"),
        (spoil_registry, "error registry.json : cannot be read"),
        (undocumented_field, "error tally/v1.avsc Tally.count: has no doc"),
        (undocumented_record, "error types/place.avsc Place: has no doc"),
        (undocumented_enum, "error types/action.avsc Action: has no doc"),
        (enum_without_default, "error types/action.avsc Action: has no default symbol"),
        (default_of_another_type, "error dead-letter/v1.avsc attempts: has a default that is not of its type"),
        (no_json, "error tally/v1.avsc : tally/v1.avsc: is not JSON"),
        (unknown_type, "error tally/v1.avsc : tally/v1.avsc: area: 'text' is no type"),
        (fact_of_a_list, "domestic-abuse-details.avsc: service: only a whole number, a word, yes or no can be a fact"),
        (fact_with_a_wrong_name, "domestic-abuse-details.avsc: dash_score: the name of a fact is a word in kebab case"),
        (untagged_word, "error incident-report/v3.avsc parties.token: is not tagged"),
        (untagged_list, "error sighting-change/v1.avsc sighting.persons: is not tagged"),
        (unknown_tag, "reported-party.avsc: token: 'secret' is no sensitivity; use one of none, personal"),
        (fact_told_twice, "error incident-report/v3.avsc domestic_abuse: has two fields for the fact dash-score"),
        (fact_nobody_reads, "error tally/v1.avsc area: is marked as a fact, and nobody reads it"),
        (missing_shared_type, "error incident-version/v1.avsc : types/place.avsc: cannot be read"),
        (growing_union, 'error tally/v1.avsc : tally/v1.avsc: area: the only union in use is ["null", X]'),
        (foreign_logical_type, "error tally/v1.avsc : tally/v1.avsc: as_of: logical type 'timestamp-micros'"),
        (
            type_that_holds_itself,
            "error types/place.avsc : types/place.avsc: lsoa: uk.safety_stream.Place contains itself",
        ),
        (misnamed_type_file, "error types/where.avsc uk.safety_stream.Place: is not where it is looked for"),
        (unused_type, "warning types/elsewhere.avsc uk.safety_stream.Elsewhere: is used by no subject"),
        (one_example_only, "error incident-report/examples fire: has 1 examples"),
        (example_that_does_not_fit, "does not fit the schema: uk.safety_stream.IncidentReport: no such field: number"),
        (example_of_another_kind, "kind: file name, kind and details do not agree"),
        (example_nobody_may_write, "is refused: schema-violation: action: not a symbol that may be written"),
    ],
)
def test_one_mistake_is_found_and_named(folder: Path, spoil: Callable[[Path], None], expected: str):
    spoil(folder)

    assert any(expected in line for line in said(folder)), "\n".join(said(folder))


def test_marking_a_field_as_a_fact_needs_no_new_version(folder: Path):
    edit(details_file(folder), lambda written: field_of(written, "order_in_force").update(fact="order-in-force"))

    assert [] == said(folder)


def test_another_tag_needs_no_new_version(folder: Path):
    edit(folder / "types/place.avsc", lambda written: field_of(written, "lsoa").update(sensitivity="personal"))

    assert [] == said(folder)


def test_a_field_is_kept_as_the_closest_of_what_is_in_it():
    """A list of findings holds what the findings hold; the doors' policy goes by it."""
    alert = read_schema(schemas_folder(), "published-alert/v4.avsc")
    kept = {field.name: sensitivity_of(field) for field in alert.fields}

    assert ("none", "personal", "special-category") == (kept["area"], kept["subject"], kept["findings"])
    assert "special-category" == kept["handling"]


def test_mending_the_words_of_a_schema_needs_no_new_version(folder: Path):
    edit(folder / "tally/v1.avsc", lambda written: written.update(doc="Better words."))

    assert [] == said(folder)


# Compatibility: every breach against every older version.


def add_required_field(written: dict) -> None:
    written["fields"].append({"name": "more", "type": "string", "sensitivity": "none", "doc": "New."})


def add_nullable_field(written: dict) -> None:
    more = {"name": "more", "type": ["null", "string"], "sensitivity": "none", "doc": "New.", "default": None}
    written["fields"].append(more)


def remove_required_field(written: dict) -> None:
    written["fields"] = [field for field in written["fields"] if field["name"] != "kind"]


def remove_defaulted_field(written: dict) -> None:
    written["fields"] = [field for field in written["fields"] if field["name"] != "category"]


def rename_field(written: dict) -> None:
    field_of(written, "source_ref")["name"] = "reference"


def change_type(written: dict) -> None:
    field_of(written, "source_version")["type"] = "string"


def widen_number(written: dict) -> None:
    field_of(written, "source_version")["type"] = "long"


def change_meaning(written: dict) -> None:
    field_of(written, "reported_at")["type"] = "long"


def make_nullable(written: dict) -> None:
    field_of(written, "source")["type"] = ["null", "string"]


def make_required(written: dict) -> None:
    field = field_of(written, "group_token")
    field["type"] = "string"
    field["default"] = ""


def change_items(written: dict) -> None:
    field_of(written, "flags")["type"]["items"] = "int"


def rename_record(written: dict) -> None:
    written["name"] = "Report"


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (add_required_field, "more", "is not written, and has no default to the reader (against records of version 1)"),
        (
            remove_required_field,
            "kind",
            "is not written, and has no default to the reader (against readers of version 1)",
        ),
        (rename_field, "reference", "is not written, and has no default to the reader (against records of version 2)"),
        (rename_field, "source_ref", "is not written, and has no default to the reader (against readers of version 2)"),
        (change_type, "source_version", "is int to the writer and string to the reader (against records of version 1)"),
        (widen_number, "source_version", "is long to the writer and int to the reader (against readers of version 1)"),
        (change_meaning, "reported_at", "means timestamp-millis to the writer and a plain number to the reader"),
        (make_nullable, "source", "may be null, which the reader's type cannot be (against readers of version 2)"),
        (make_required, "group_token", "may be null, which the reader's type cannot be (against records of version 2)"),
        (change_items, "flags[]", "is string to the writer and int to the reader"),
        (rename_record, "", "is named uk.safety_stream.IncidentReport by the writer and uk.safety_stream.Report"),
    ],
)
def test_a_partner_facing_subject_refuses_what_one_side_cannot_read(
    folder: Path, change: Change, where: str, what: str
):
    add_version(folder, "incident-report", change)

    found = [issue for issue in check_schemas(folder) if issue.file == "incident-report/v4.avsc"]

    assert any(issue.where == where and what in issue.what and "FULL_TRANSITIVE" in issue.what for issue in found), (
        found
    )


@pytest.mark.parametrize("change", [add_nullable_field, remove_defaulted_field])
def test_what_both_sides_can_read_is_compatible(folder: Path, change: Change):
    older = [read_schema(folder, f"incident-report/v{number}.avsc") for number in (1, 2, 3)]
    edit(folder / "incident-report/v3.avsc", change)
    newest = read_schema(folder, "incident-report/v3.avsc")

    assert [] == check_version(newest, list(enumerate(older, start=1)), "FULL_TRANSITIVE")


def test_inside_only_the_past_must_be_readable(folder: Path):
    older = read_schema(folder, "indicator/v1.avsc")
    edit(folder / "indicator/v1.avsc", lambda written: field_of(written, "revision").update(type="long"))
    newest = read_schema(folder, "indicator/v1.avsc")

    assert "BACKWARD_TRANSITIVE" == mode_of("indicator")
    assert [] == check_version(newest, [(1, older)], "BACKWARD_TRANSITIVE")
    assert ["revision"] == [breach.where for breach in check_version(newest, [(1, older)], "FULL_TRANSITIVE")]


def test_a_new_symbol_is_readable_where_the_enum_has_a_default_and_not_elsewhere(folder: Path):
    older = read_schema(folder, "incident-version/v1.avsc")
    edit(folder / "types/action.avsc", lambda written: written["symbols"].append("MERGE"))
    newest = read_schema(folder, "incident-version/v1.avsc")
    edit(folder / "types/action.avsc", lambda written: (written.pop("default"), written["symbols"].pop()))
    strict = read_schema(folder, "incident-version/v1.avsc")

    assert [] == breaches(older, newest)
    assert ["action"] == [breach.where for breach in breaches(strict, newest)]


def test_a_version_may_define_its_own_shape_of_a_shared_type(folder: Path):
    """The mend for a shared type that must change: older versions keep theirs."""

    def define_place(written: dict) -> None:
        place = json.loads((folder / "types/place.avsc").read_text())
        usrn = {"name": "usrn", "type": ["null", "string"], "sensitivity": "none", "doc": "Street.", "default": None}
        place["fields"].append(usrn)
        field_of(written, "place")["type"] = place
        field_of(written, "place")["default"]["usrn"] = None

    before = fingerprint(read_schema(folder, "incident-version/v1.avsc"))
    add_version(folder, "incident-version", define_place)
    older, *_, newest = read_registry(folder).versions("incident-version")

    assert before == fingerprint(older.schema)
    assert [] == check_version(newest.schema, [(1, older.schema)], "BACKWARD_TRANSITIVE")
    assert "usrn" in json.dumps(to_json(newest.schema))


def test_a_schema_written_out_is_complete_in_itself(tmp_path: Path):
    schema = read_schema(schemas_folder(), "incident-report/v3.avsc")
    (tmp_path / "alone.avsc").write_text(json.dumps(to_json(schema)))

    assert schema == read_schema(tmp_path, "alone.avsc")


def test_an_enum_is_no_subject(tmp_path: Path):
    shutil.copy(schemas_folder() / "types/action.avsc", tmp_path / "action.avsc")

    with pytest.raises(SchemaFault, match="a subject is a record"):
        read_schema(tmp_path, "action.avsc")


# Finding the files.


def test_the_data_of_a_checkout_is_beside_its_code():
    assert (schemas_folder() / "registry.json").is_file()
    assert (catalogue_folder() / "sources.yaml").is_file()


def test_the_data_of_a_wheel_is_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "lib" / "safety_stream"
    (package / "_data" / "schemas").mkdir(parents=True)
    monkeypatch.setattr(data_files, "_PACKAGE", package)

    assert package / "_data" / "schemas" == schemas_folder()
    with pytest.raises(FileNotFoundError, match="install the package again"):
        catalogue_folder()
