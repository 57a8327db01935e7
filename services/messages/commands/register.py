"""The table of all that this service answers: commands by their declaration, calls by their subject."""

from functools import partial
from typing import TypeVar

from services.messages.commands.bans import BanCommands
from services.messages.commands.calls import Calls
from services.messages.commands.dms import DmCommands
from services.messages.commands.drafts import DraftCommands
from services.messages.commands.erasing import Erasing
from services.messages.commands.exporting import Exporting
from services.messages.commands.invites import InviteCommands
from services.messages.commands.members import MemberCommands
from services.messages.commands.messages import MessageCommands
from services.messages.commands.people import People
from services.messages.commands.places import PlaceCommands
from services.messages.commands.reactions import ReactionCommands
from services.messages.commands.rooms import RoomCommands
from services.messages.commands.saved import SavedCommands
from services.messages.commands.search import SearchCommands
from services.messages.commands.sending import put_many
from services.messages.commands.threads import ThreadCommands
from services.messages.store.transaction import Database
from services.messages.writer import Job, Writer
from shared.contracts import (
    drafts,
    internal,
    invites,
    members,
    messages,
    reactions,
    rooms,
    saved,
    search,
    threads,
)
from shared.contracts.messages import EditMessage, MarkRead, OneMessage, SendMessage
from shared.contracts.reactions import OneReaction
from shared.contracts.registry import Command, Rep
from shared.dispatch import Dispatcher

Carried = TypeVar("Carried", SendMessage, EditMessage, OneMessage, OneReaction, MarkRead)


def register(dispatcher: Dispatcher, database: Database, people: People, writer: Writer) -> None:
    """Tie every command and call of this service to its handler."""
    _register_rooms(dispatcher, RoomCommands(database, people), DmCommands(database, people))
    _register_members(dispatcher, MemberCommands(database, people))
    _register_bans(dispatcher, BanCommands(database, people))
    _register_invites(dispatcher, InviteCommands(database))
    _register_places(dispatcher, PlaceCommands(database))
    _register_items(dispatcher, DraftCommands(database), SavedCommands(database))
    _register_messages(dispatcher, MessageCommands(database), writer)
    _register_attached(dispatcher, ReactionCommands(database), ThreadCommands(database), writer)
    dispatcher.handle(search.search, SearchCommands(database).search)
    _register_calls(dispatcher, Calls(database))
    dispatcher.answer(internal.EXPORT_PAGE, internal.GetExportPage, Exporting(database).read_page)
    dispatcher.answer(internal.ERASE_SOME, internal.EraseSome, Erasing(database, writer).erase_some)


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


def _register_bans(dispatcher: Dispatcher, handlers: BanCommands) -> None:
    dispatcher.handle(members.ban, handlers.ban)
    dispatcher.handle(members.unban, handlers.unban)
    dispatcher.handle(members.list_bans, handlers.list_bans)


def _register_invites(dispatcher: Dispatcher, handlers: InviteCommands) -> None:
    dispatcher.handle(invites.create, handlers.create)
    dispatcher.handle(invites.list_invites, handlers.list_invites)
    dispatcher.handle(invites.revoke, handlers.revoke)
    dispatcher.handle(invites.preview, handlers.preview)
    dispatcher.handle(invites.accept, handlers.accept)


def _register_places(dispatcher: Dispatcher, handlers: PlaceCommands) -> None:
    dispatcher.handle(rooms.set_notify, handlers.set_notify)
    dispatcher.handle(rooms.explain_unread, handlers.explain_unread)


def _register_items(dispatcher: Dispatcher, own: DraftCommands, kept: SavedCommands) -> None:
    dispatcher.handle(drafts.set_draft, own.set_draft)
    dispatcher.handle(drafts.list_drafts, own.list_drafts)
    dispatcher.handle(saved.add, kept.add)
    dispatcher.handle(saved.remove, kept.remove)
    dispatcher.handle(saved.list_saved, kept.list_saved)


def _register_messages(dispatcher: Dispatcher, handlers: MessageCommands, writer: Writer) -> None:
    dispatcher.handle(messages.get, handlers.get)
    dispatcher.handle(messages.list_messages, handlers.list_messages)
    dispatcher.handle(messages.changes, handlers.get_changes)
    _enqueue(dispatcher, writer, messages.send)
    dispatcher.enqueue_raw(
        internal.SEND_MANY, messages.send.name, list[SendMessage], partial(put_many, writer)
    )
    _enqueue(dispatcher, writer, messages.edit)
    _enqueue(dispatcher, writer, messages.delete)
    _enqueue(dispatcher, writer, messages.mark_read)
    dispatcher.handle(messages.history, handlers.get_history)


def _register_attached(
    dispatcher: Dispatcher, handlers: ReactionCommands, followed: ThreadCommands, writer: Writer
) -> None:
    _enqueue(dispatcher, writer, reactions.add)
    _enqueue(dispatcher, writer, reactions.remove)
    _enqueue(dispatcher, writer, reactions.pin)
    _enqueue(dispatcher, writer, reactions.unpin)
    dispatcher.handle(reactions.list_reactions, handlers.list_reactions)
    dispatcher.handle(reactions.list_pins, handlers.list_pins)
    dispatcher.handle(threads.list_threads, followed.list_threads)
    dispatcher.handle(threads.follow, followed.follow)
    dispatcher.handle(threads.unfollow, followed.unfollow)


def _enqueue(dispatcher: Dispatcher, writer: Writer, command: Command[Carried, Rep]) -> None:
    dispatcher.enqueue(command, lambda request, asked: writer.put(Job(command.name, request, asked)))


def _register_calls(dispatcher: Dispatcher, calls: Calls) -> None:
    dispatcher.answer(internal.MEMBERSHIPS, internal.GetMemberships, calls.memberships)
    dispatcher.answer(internal.SNAPSHOT, internal.GetSnapshot, calls.snapshot)
    dispatcher.answer(internal.CHANGES, internal.RoomsAfter, calls.changes)
    dispatcher.answer(internal.POSITIONS, internal.GetPositions, calls.positions)
    dispatcher.answer(internal.USER_CHANGES, internal.GetUserChanges, calls.user_changes)
