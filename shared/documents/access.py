"""Who may send a command, in words: part of each document for people."""

from shared.contracts.registry import Access, Command, Rep, Req, TokenUse


def describe_access(command: Command[Req, Rep]) -> str:
    """Return a sentence or two."""
    people = f"For {command.access}."
    if command.access is Access.PUBLIC:
        return people
    if command.tokens is TokenUse.NEVER:
        return f"{people} Not with an API token."
    names_room = "room_id" in command.request.__struct_fields__
    covered = "its room" if names_room else "all rooms"
    rooms = "any rooms" if command.tokens is TokenUse.ANY else covered
    return f"{people} API tokens: {command.effect}, for {rooms}."
