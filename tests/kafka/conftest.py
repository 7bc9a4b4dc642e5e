"""One deployment for production for all tests that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from tests.kafka.deployment import PASSWORD, USERS, Deployment

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import day_of
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.acls import give
from safety_stream.streaming.provisioning import create, plan
from safety_stream.wire.rights import acls_of
from safety_stream.wire.topology import topics


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path_factory.mktemp("production"))
    with EmbeddedKafka(deployment.folder / "kafka", port=deployment.plain, overrides=deployment.settings) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        known = load_catalogue(deployment.catalogue)
        create(admin, plan(admin, topics(known, 1)).create)
        give(admin, acls_of(known, day_of(1_772_366_400_000)))
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        users = [UserScramCredentialUpsertion(one, credential, PASSWORD.encode()) for one in USERS]
        for answer in admin.alter_user_scram_credentials(users).values():
            answer.result()
        yield deployment
