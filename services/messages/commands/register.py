"""The table of all that this service answers: commands by their declaration, calls by their subject."""

from typing import TypeVar

from services.messages.commands.calls import Calls
from services.messages.commands.dms import DmCommands
from services.messages.commands.members import MemberCommands
from services.messages.commands.messages import MessageCommands
from services.messages.commands.people import People
from services.messages.commands.rooms import RoomCommands
from services.messages.commands.search import SearchCommands
from services.messages.store.transaction import Database
from services.messages.writer import Job, Writer
from shared.contracts import internal, members, messages, rooms, search
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.contracts.registry import Command, Rep
from shared.dispatch import Dispatcher

Carried = TypeVar("Carried", SendMessage, EditMessage, OneMessage, MarkRead)


def register(dispatcher: Dispatcher, database: Database, people: People, writer: Writer) -> None:
    """Tie every command and call of this service to its handler."""
    _register_rooms(dispatcher, RoomCommands(database, people), DmCommands(database, people))
    _register_members(dispatcher, MemberCommands(database, people))
    _register_messages(dispatcher, MessageCommands(database), writer)
    dispatcher.handle(search.search, SearchCommands(database).search)
    _register_calls(dispatcher, Calls(database))


def _register_rooms(dispatcher: Dispatcher, handlers: RoomCommands, dms: DmCommands) -> None:
    dispatcher.handle(rooms.create, handlers.create)
    dispatcher.handle(rooms.open_dm, dms.open_dm)
    dispatcher.handle(rooms.list_own, handlers.list_own)
    dispatcher.handle(rooms.browse, handlers.browse)
    dispatcher.handle(rooms.get, handlers.get)
    dispatcher.handle(rooms.update, handlers.update)
    dispatcher.handle(rooms.archive, handlers.archive)
    dispatcher.handle(rooms.join, handlers.join)
    dispatcher.handle(rooms.leave, handlers.leave)


def _register_members(dispatcher: Dispatcher, handlers: MemberCommands) -> None:
    dispatcher.handle(members.list_members, handlers.list_members)
    dispatcher.handle(members.add, handlers.add)
    dispatcher.handle(members.remove, handlers.remove)
    dispatcher.handle(members.set_role, handlers.set_role)


def _register_messages(dispatcher: Dispatcher, handlers: MessageCommands, writer: Writer) -> None:
    dispatcher.handle(messages.get, handlers.get)
    dispatcher.handle(messages.list_messages, handlers.list_messages)
    dispatcher.handle(messages.changes, handlers.get_changes)
    _enqueue(dispatcher, writer, messages.send)
    _enqueue(dispatcher, writer, messages.edit)
    _enqueue(dispatcher, writer, messages.delete)
    _enqueue(dispatcher, writer, messages.mark_read)


def _enqueue(dispatcher: Dispatcher, writer: Writer, command: Command[Carried, Rep]) -> None:
    dispatcher.enqueue(command, lambda request, asked: writer.put(Job(command.name, request, asked)))


def _register_calls(dispatcher: Dispatcher, calls: Calls) -> None:
    dispatcher.answer(internal.MEMBERSHIPS, internal.GetMemberships, calls.memberships)
    dispatcher.answer(internal.SNAPSHOT, internal.GetSnapshot, calls.snapshot)
    dispatcher.answer(internal.CHANGES, internal.RoomsAfter, calls.changes)
    dispatcher.answer(internal.POSITIONS, internal.GetPositions, calls.positions)
    dispatcher.answer(internal.USER_CHANGES, internal.GetUserChanges, calls.user_changes)
