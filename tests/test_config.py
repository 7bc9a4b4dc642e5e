"""How Kafka is reached: what a file may say, and that nothing it says is ever repeated."""

from pathlib import Path

import pytest

from safety_stream.config import Connection, ConnectionFault, read_settings

SECRET = "correct-horse-battery"


def written(folder: Path, text: str) -> Path:
    path = folder / "client.properties"
    path.write_bytes(text.encode())
    return path


def fault_of(path: Path) -> str:
    with pytest.raises(ConnectionFault) as told:
        read_settings(path)
    return str(told.value)


def test_a_file_is_read_as_kafkas_own_tools_read_it(tmp_path: Path):
    path = written(
        tmp_path,
        "# how to be let in\r\n\n  security.protocol = SASL_SSL\r\nsasl.mechanism=SCRAM-SHA-512\n"
        f"sasl.username=worker\nsasl.password={SECRET}=#1\nssl.ca.location=/etc/ca.pem",
    )

    assert read_settings(path) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "worker",
        "sasl.password": f"{SECRET}=#1",
        "ssl.ca.location": "/etc/ca.pem",
    }


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    assert read_settings(written(tmp_path, "\ufeffclient.rack=a\n")) == {"client.rack": "a"}


@pytest.mark.parametrize(
    "name",
    [
        "acks",
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.idempotence",
        "group.id",
        "isolation.level",
        "partitioner",
        "plugin.library.paths",
        "socket.timeout.ms",
        "transactional.id",
    ],
)
def test_what_the_guarantees_rest_on_is_refused(tmp_path: Path, name: str):
    assert fault_of(written(tmp_path, f"client.rack=a\n{name}=1\n")).startswith(
        f"{tmp_path / 'client.properties'}:2: no setting of a connection; taken are security.protocol, ssl.*, sasl.*, "
    )


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("bootstrap.servers=a:9092", "brokers are named by --bootstrap or SAFETY_STREAM_BOOTSTRAP, not here"),
        ("sasl.jaas.config=" + SECRET, "state sasl.username and sasl.password instead"),
        ("ssl.truststore.location=/a.jks", "state ssl.ca.location instead"),
        ("sasl.password", "write name=value on one line"),
        ("sasl.password=", "there is no value"),
        (f"sasl.username=me\nsasl.username={SECRET}", "sasl.username is stated a second time"),
    ],
)
def test_a_wrong_line_is_said_with_its_number_and_mend(tmp_path: Path, line: str, mend: str):
    told = fault_of(written(tmp_path, f"#\n{line}\n"))

    assert told.startswith(f"{tmp_path / 'client.properties'}:{1 + len(line.splitlines())}: ")
    assert mend in told


@pytest.mark.parametrize("line", [SECRET, f"{SECRET}=", f"{SECRET}=x", f"={SECRET}", f"acks={SECRET}"])
def test_no_fault_repeats_what_the_file_says(tmp_path: Path, line: str):
    """A key pasted over several lines may put a secret anywhere, the place of a name included."""
    assert SECRET not in fault_of(written(tmp_path, line))


def test_a_file_that_is_no_text_is_refused_as_a_whole(tmp_path: Path):
    path = tmp_path / "keystore.p12"
    path.write_bytes(b"\x30\x82\xff\xfe")

    assert fault_of(path) == f"{path}: this is no text in UTF-8; is it the right file?"


def test_a_connection_is_refused_what_its_file_would_be():
    with pytest.raises(ConnectionFault, match="setting 2 of the connection: no setting of a connection"):
        Connection("a:9092", {"client.rack": "a", "acks": "0"})


def test_settings_are_for_librdkafka():
    assert Connection("a:9092,b:9092", {"client.rack": "a"}).settings() == {
        "bootstrap.servers": "a:9092,b:9092",
        "client.rack": "a",
    }


def test_nothing_that_lets_one_in_is_shown():
    kafka = Connection("a:9092", {"sasl.password": SECRET, "sasl.mechanism": "PLAIN", "ssl.key.password": "horse"})

    assert repr(kafka) == "Connection(bootstrap='a:9092')"
    assert kafka.without_secrets(f"PLAIN says: {SECRET} is not horse") == "PLAIN says: … is not …"


def test_a_name_that_only_begins_like_a_setting_is_none():
    with pytest.raises(ConnectionFault, match="setting 1"):
        Connection("kafka:9093", {"client.rackety": "a"})


def test_an_empty_secret_hides_nothing():
    assert Connection("kafka:9093", {"sasl.password": ""}).without_secrets("no") == "no"
