"""The part of `chatcraft admin` that is about accounts, keys and the audit log.

Reads the options and runs `python -m services.auth.admin`; what that does is the service's.
"""

from typing import Annotated, Literal

import typer

from deploy.local.operating import DEFAULT_DATA_DIR, DataDirOption, operate

_ACCOUNTS, _KEYS, _AUDIT, _ERASURES = "Accounts", "Keys", "Audit log", "Erasures"

app = typer.Typer(no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A user name, or an account's id.")]
NewNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="3 to 32 of a-z 0-9 . _ -")]
DisplayNameOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="How others see them. [default: the user name]")
]
EmailOption = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Their e-mail address, unverified.")]
AdminOption = Annotated[bool, typer.Option("--admin", help="Make them an administrator.")]
MessagesOption = Annotated[
    Literal["erase", "anonymise"],
    typer.Option(help='What they have written goes, or stays under "Deleted user".'),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for the user name once more.")]
LeakedOption = Annotated[
    bool, typer.Option("--leaked", help="A key has leaked: at once, and what older keys signed is void.")
]
HeadOption = Annotated[
    bool, typer.Option("--head", help="Print the end of the log as NUMBER:HASH, to keep elsewhere.")
]
SinceOption = Annotated[
    str | None, typer.Option(metavar="NUMBER:HASH", help="Check also against an end that was kept.")
]
ListArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="What `list-erasures` printed; - is standard input.")
]


@app.command(rich_help_panel=_ACCOUNTS)
def create_user(
    name: NewNameArgument,
    *,
    display_name: DisplayNameOption = None,
    email: EmailOption = None,
    admin: AdminOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make an account, and print a one-time password for it.

    The password is good for three days: whoever gets it signs in and sets one of their own.
    """
    options = [("--display-name", display_name), ("--email", email)]
    given = [f"{option}={value}" for option, value in options if value is not None]
    operate("auth", data_dir, "create-user", *given, *(["--admin"] if admin else []), "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def promote(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Make somebody an administrator.

    The first one is made so: register in the web client, then run `chatcraft admin promote NAME`.
    """
    operate("auth", data_dir, "promote", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def demote(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Make an administrator a member again."""
    operate("auth", data_dir, "demote", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def deactivate(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Lock somebody out, and sign them out everywhere. Nothing is deleted."""
    operate("auth", data_dir, "deactivate", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def reactivate(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Let somebody in again who was deactivated."""
    operate("auth", data_dir, "reactivate", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def erase(
    name: NameArgument,
    *,
    messages: MessagesOption = "erase",
    yes: YesOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Erase somebody's account, with their bots, for good: as when they ask for it themselves.

    They are locked out at once; the auth service does the rest. The last administrator cannot be erased.
    """
    options = [f"--messages={messages}", *(["--yes"] if yes else [])]
    operate("auth", data_dir, "erase", *options, "--", name, reads_input=not yes)


@app.command(rich_help_panel=_ACCOUNTS)
def reset_factors(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Give somebody a new way in who has lost theirs; prints a one-time password for them.

    Their password and second factors are removed, and they are signed out everywhere. Be sure who is asking.
    """
    operate("auth", data_dir, "reset-factors", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def list_logins(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Show where somebody is signed in."""
    operate("auth", data_dir, "list-logins", "--", name)


@app.command(rich_help_panel=_ACCOUNTS)
def end_logins(name: NameArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Sign somebody out everywhere; they can sign in again."""
    operate("auth", data_dir, "end-logins", "--", name)


@app.command(rich_help_panel=_KEYS)
def rotate_keys(*, leaked: LeakedOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Sign access tokens with a new key, in five minutes, when all have it. Nobody is signed out.

    It also happens by itself, every CHATCRAFT_AUTH_KEY_ROTATION_DAYS.
    """
    operate("auth", data_dir, "rotate-keys", *(["--leaked"] if leaked else []))


@app.command(rich_help_panel=_KEYS)
def reseal(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Seal keys, TOTP secrets and waiting mails anew, after CHATCRAFT_SECRET_KEY was changed.

    Needs the one before in CHATCRAFT_AUTH_PREVIOUS_SECRET_KEYS; docs/operations.md has the steps.
    """
    operate("auth", data_dir, "reseal")


@app.command(rich_help_panel=_AUDIT)
def verify_audit(
    *, head: HeadOption = False, since: SinceOption = None, data_dir: DataDirOption = DEFAULT_DATA_DIR
) -> None:
    """Check that no entry of the audit log is altered, missing or out of order; else exit code 1.

    Somebody who owns the database could rewrite all of it. Keep what `--head` prints where they cannot
    reach, and check with `--since`.
    """
    kept = [f"--since={since}"] if since else []
    operate("auth", data_dir, "verify-audit", *(["--head"] if head else []), *kept)


@app.command(rich_help_panel=_ERASURES)
def list_erasures(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Print a line for each erasure that was asked for, to keep apart from backups. It names nobody."""
    operate("auth", data_dir, "list-erasures")


@app.command(rich_help_panel=_ERASURES)
def repeat_erasures(file: ListArgument, *, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Erase again who is back by the restore of a backup from before they were erased.

    Who is being erased already, or is not there, is left out. The auth service does it, once it runs.
    """
    operate("auth", data_dir, "repeat-erasures", "--", file, reads_input=file == "-")
