"""The settings of the DynamoDB store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...reading_settings import anything, flag, optional, setting, text


@dataclass(frozen=True, slots=True)
class DynamoDBSettings:
    """Which DynamoDB keeps the sessions, and in which table."""

    source: Any = setting(
        "SESSION_DYNAMODB",
        anything,
        default=None,
        secret=True,
        shown="none",
        doc="The AWS client: a session, client or resource of boto3 (Flask), or a session of "
        "aiobotocore or aioboto3 (Quart). Unset, the store finds credentials as the AWS "
        "command line does.",
    )
    table: str = setting(
        "SESSION_DYNAMODB_TABLE",
        text,
        default="samesession",
        doc="The name of the table of sessions and of the owner index.",
    )
    region: str | None = setting(
        "SESSION_DYNAMODB_REGION",
        optional(text),
        default=None,
        shown="the environment's",
        doc='The AWS region, such as `"eu-central-1"`.',
    )
    endpoint_url: str | None = setting(
        "SESSION_DYNAMODB_ENDPOINT_URL",
        optional(text),
        default=None,
        shown="AWS's own",
        doc="The URL of an emulator or a private endpoint.",
    )
    create: bool = setting(
        "SESSION_DYNAMODB_CREATE",
        flag,
        default=False,
        doc="Whether a missing table is created: in `Session(app)` with Flask, and before "
        "serving with Quart.",
    )

    no_effect: ClassVar = {
        "SESSION_DYNAMODB_TABLE_EXISTS": "the table is made by `flask sessions init`, or if "
        "SESSION_DYNAMODB_CREATE is True"
    }
