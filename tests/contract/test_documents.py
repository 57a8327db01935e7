"""The generated documents: valid by their own standards, complete, and the same each time."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import validate as validate_openapi

from shared.contracts.errors import STATUS
from shared.contracts.events import EVENTS
from shared.contracts.registry import Access, Door, iter_commands
from shared.documents import build_asyncapi, build_openapi, build_page, build_typescript
from shared.documents.page import read_style
from shared.documents.schemas import REF, build_schemas, walk

ASYNCAPI_SCHEMA = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text(encoding="utf-8"))
OPENAPI = build_openapi()
ASYNCAPI = build_asyncapi()


def test_openapi_is_valid():
    validate_openapi(OPENAPI)


def test_asyncapi_is_valid():
    jsonschema.Draft7Validator(ASYNCAPI_SCHEMA).validate(ASYNCAPI)


def test_the_asyncapi_schema_refuses_a_broken_document():
    broken = ASYNCAPI | {"operations": {"x": {"action": "shout", "channel": {"$ref": "#/channels/socket"}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(ASYNCAPI_SCHEMA).validate(broken)


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document):
    for schema in walk(document):
        if isinstance(target := schema.get("$ref"), str):
            found = document
            for step in target.removeprefix("#/").split("/"):
                found = found[step]


def test_every_rest_command_is_in_openapi_with_its_errors():
    operations = {
        operation["operationId"]: operation
        for path in OPENAPI["paths"].values()
        for operation in path.values()
    }
    for door in ("stream.open", "stream.resume"):  # the one door that is no command
        assert "text/event-stream" in operations.pop(door)["responses"]["200"]["content"]
    assert set(operations) == {command.name for command in iter_commands() if Door.REST in command.doors}
    for command in iter_commands():
        if operation := operations.get(command.name):
            statuses = {str(command.status), *(str(STATUS[code]) for code in command.errors)}
            assert statuses <= set(operation["responses"])
            assert ("security" in operation) == (command.access is Access.PUBLIC)


def test_path_query_and_body_share_out_the_fields_of_a_request():
    edit = OPENAPI["paths"]["/rooms/{room_id}/messages/{message_id}"]["patch"]
    assert [each["name"] for each in edit["parameters"]] == ["room_id", "message_id"]
    assert list(edit["requestBody"]["content"]["application/json"]["schema"]["properties"]) == ["text"]
    [ids] = OPENAPI["paths"]["/users"]["get"]["parameters"]
    assert (ids["in"], ids["style"], ids["explode"], ids["required"]) == ("query", "form", False, True)
    assert "requestBody" not in OPENAPI["paths"]["/rooms/{room_id}/join"]["post"]


def test_every_operation_of_the_socket_and_every_event_is_in_asyncapi():
    on_socket = {command.name for command in iter_commands() if Door.SOCKET in command.doors}
    forwarded = {command.subject for command in iter_commands() if command.is_forwarded}
    assert on_socket | forwarded | {f"{name}.send" for name in EVENTS} <= set(ASYNCAPI["operations"])
    assert set(EVENTS) <= set(ASYNCAPI["channels"]["socket"]["messages"])


def test_what_the_server_sends_has_every_key_and_what_it_takes_no_other():
    schemas = build_schemas()
    assert set(schemas["Message"]["required"]) == set(schemas["Message"]["properties"])
    assert set(schemas["Users"]["required"]) == {"users", "next_cursor"}
    assert schemas["SendMessage"]["required"] == ["room_id", "id", "text"]
    assert schemas["SendMessage"]["additionalProperties"] is False


def test_typescript_has_every_type_it_speaks_of():
    text = build_typescript()
    assert "export interface Message {" in text
    assert '"messages.send": { request: SendMessage; reply: SentMessage };' in text
    assert '"messages.send": { method: "POST", path: "/rooms/{room_id}/messages" },' in text
    assert all(
        f"export interface {name} {{" in text or f"export type {name} =" in text for name in build_schemas()
    )
    assert REF not in text


def test_typescript_tells_who_may_call_and_by_which_door():
    text = build_typescript()
    lists = dict(re.findall(r"export const (\w+Ops): .*?\[\n(.*?)\]", text, re.DOTALL))
    public = {command.name for command in iter_commands() if command.access is Access.PUBLIC}
    rest_only = {command.name for command in iter_commands() if Door.SOCKET not in command.doors}
    assert set(re.findall(r'"(.+?)"', lists["publicOps"])) == public
    assert set(re.findall(r'"(.+?)"', lists["restOnlyOps"])) == rest_only
    assert {"auth.login", "auth.passkey_options"} <= public & rest_only


def test_the_same_registry_gives_the_same_bytes():
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "shared.documents", document],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "2")
        for document in ("typescript",)
    }
    assert len(outputs) == 1


def test_the_web_clients_contract_is_fresh():
    from shared.documents.__main__ import main

    assert main(["check"]) == 0


def test_a_wrong_word_on_the_command_line_is_explained(capsys):
    from shared.documents.__main__ import main

    assert main(["wirte"]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_page_for_people_speaks_of_every_command_event_and_shape():
    page = build_page()
    parser = LinkChecker()
    parser.feed(page)
    assert {command.name for command in iter_commands()} | set(build_schemas()) <= parser.anchors
    assert parser.targets <= parser.anchors
    assert all(f"<code>{name}</code>" in page for name in EVENTS)
    assert "<script" not in page
    assert "style=" not in page
    assert "main" in read_style() or "body" in read_style()


class LinkChecker(HTMLParser):
    """Collects the anchors of a page and where its links within it lead."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if anchor := found.get("id"):
            assert anchor not in self.anchors, f"two elements are called {anchor}"
            self.anchors.add(anchor)
        if (target := found.get("href") or "").startswith("#"):
            self.targets.add(target[1:])
