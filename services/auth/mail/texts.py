"""Every text that is mailed: short, kind, in English. Pure; `message` escapes what people chose."""

from datetime import datetime, timedelta

from msgspec import Struct

from services.auth.mail.message import Mail, show

VERIFY_LIFE = timedelta(hours=24)
RESET_LIFE = timedelta(minutes=30)
_UNKNOWN = "unknown"
_FACTORS_CHANGED = {
    "totp.added": "Codes of an app (TOTP) are asked for from now on when you sign in to the account {}",
    "totp.removed": "Codes of an app (TOTP) are asked for no longer when you sign in to the account {}",
    "recovery_codes.renewed": "New recovery codes were made for the account {}, and the old ones are void",
    "passkey.added": "A passkey was added to the account {}",
    "passkey.removed": "A passkey was removed from the account {}",
    "identity.linked": "An account at a sign-in provider was linked to the account {}",
    "identity.added": "An account at a sign-in provider was linked to the account {}",
    "identity.removed": "An account at a sign-in provider was taken off the account {}",
}


class Texts(Struct, frozen=True):
    """The texts of one deployment. Tokens stand behind `#`, which no browser sends to any server."""

    public_url: str

    def verify(self, to: str, username: str, token: str) -> Mail:
        """To an address that an account was given."""
        return Mail(
            "verify_email",
            to,
            "Please confirm your e-mail address",
            [
                f"Hello, please confirm that this is the address of the account {show(username)}:",
                "The link works once, for 24 hours. If this is not your account, please do not follow it.",
            ],
            f"{self.public_url}/verify-email#{token}",
        )

    def change(self, to: str, username: str, token: str) -> Mail:
        """To the address that shall take the place of the present one."""
        mail = self.verify(to, username, token)
        return Mail("change_email", to, "Please confirm your new e-mail address", mail.paragraphs, mail.link)

    def change_asked(self, to: str, username: str) -> Mail:
        """To the present address, when another one was asked for."""
        return Mail(
            "change_email_asked",
            to,
            "Your e-mail address is about to change",
            [
                f"Somebody, hopefully you, asked for another address for the account {show(username)}.",
                "It changes when the link that was sent to the new address is followed.",
                f"Was this not you? Please end the logins you do not know: {self._sessions}",
                "Then choose a new password.",
            ],
        )

    def reset(self, to: str, username: str, token: str) -> Mail:
        """To somebody who forgot their password."""
        return Mail(
            "reset_password",
            to,
            "Choose a new password",
            [
                f"Hello {show(username)}, here you can choose a new password:",
                "The link works once, for 30 minutes.",
                "If you did not ask for it, there is nothing to do: your password stays as it is.",
            ],
            f"{self.public_url}/reset-password#{token}",
        )

    def password_changed(self, to: str, username: str) -> Mail:
        """To whom a password was changed, by themselves or by a link."""
        return Mail(
            "password_changed",
            to,
            "Your password was changed",
            [
                f"The password of the account {show(username)} was just changed; other logins have ended.",
                "Was this not you? Please ask for a link to choose a new one, on the sign-in page:",
                f"{self.public_url}/",
            ],
        )

    def password_set(self, to: str, username: str) -> Mail:
        """To whom had no password and has given themselves one."""
        return Mail(
            "password_set",
            to,
            "A password was set for your account",
            [
                f"The account {show(username)} had no password and was given one; other logins have ended.",
                f"Was this not you? Please end the logins you do not know: {self._sessions}",
                "Then ask for a link to choose a new password, on the sign-in page.",
            ],
        )

    def email_changed(self, to: str, username: str) -> Mail:
        """To the address that an account had until now."""
        return Mail(
            "email_changed",
            to,
            "Your e-mail address was changed",
            [
                f"The account {show(username)} has another e-mail address now; this one gets no more mail.",
                f"Was this not you? Please end the logins you do not know: {self._sessions}",
                "Then choose a new password, and tell whoever runs this ChatCraft.",
            ],
        )

    def factors_changed(self, to: str, username: str, action: str) -> Mail:
        """To whom a factor was added or taken away; `action` is what the audit log calls it."""
        said = _FACTORS_CHANGED.get(action, "The ways to sign in to the account {} were just changed")
        return Mail(
            "factors_changed",
            to,
            "How you sign in has changed",
            [
                f"{said.format(show(username))}; other logins have ended.",
                f"Was this not you? Please look at how you sign in: {self._security}",
                "Then choose a new password.",
            ],
        )

    def recovery_code_used(self, to: str, username: str, left: int) -> Mail:
        """To whose account a recovery code was used."""
        return Mail(
            "recovery_code_used",
            to,
            "A recovery code was used",
            [
                f"One of the recovery codes of the account {show(username)} was just used; {left} are left.",
                f"Was this not you? Please make new ones: {self._security}",
                "Then choose a new password.",
            ],
        )

    def token_created(self, to: str, username: str, name: str, *, is_for_bot: bool) -> Mail:
        """To who has made an API token, for themselves or for a bot of theirs."""
        whose = "a bot of the account" if is_for_bot else "the account"
        return Mail(
            "token_created",
            to,
            "A new API token",
            [
                f"An API token, {show(name)}, was just made for {whose} {show(username)}.",
                f"Was this not you? Please revoke it, and end the logins you do not know: {self._sessions}",
                "Then choose a new password.",
            ],
        )

    def new_device(self, to: str, username: str, at: datetime, address: str, agent: str) -> Mail:
        """To whose account a login began from where none had before."""
        return Mail(
            "new_device",
            to,
            "A new login to your account",
            [
                f"Somebody, hopefully you, just signed in to the account {show(username)}.",
                f"When: {at:%d %B %Y, %H:%M} UTC. From: {show(address) or _UNKNOWN}. With: {agent}.",
                f"Was this not you? Please end that login: {self._sessions}",
                "Then choose a new password.",
            ],
        )

    def export_ready(self, to: str, username: str, expires_at: datetime) -> Mail:
        """To whom an export was made."""
        return Mail(
            "export_ready",
            to,
            "Your export is ready",
            [
                f"The export of everything about the account {show(username)} can be downloaded.",
                f"Sign in and look under privacy: {self.public_url}/settings/privacy",
                f"It is deleted on {expires_at:%d %B %Y}.",
            ],
        )

    def erasure_begun(self, to: str, username: str) -> Mail:
        """To the address of an account that is being erased: the last mail to it."""
        return Mail(
            "erasure_begun",
            to,
            "Your account is being erased",
            [
                f"The account {show(username)} is being erased, as somebody who was signed in to it asked.",
                "All logins have ended. This cannot be taken back; the receipt tells how far it is.",
                "Was this not you? Please write to whoever runs this server.",
            ],
        )

    def erasure_ordered(self, to: str, username: str) -> Mail:
        """To the address of an account that an administrator has erased: the last mail to it."""
        return Mail(
            "erasure_ordered",
            to,
            "Your account is being erased",
            [
                f"The account {show(username)} is being erased, as an administrator of this server asked.",
                "All logins have ended. This cannot be taken back.",
                "Is this a mistake? Please write to whoever runs this server.",
            ],
        )

    @property
    def _security(self) -> str:
        return f"{self.public_url}/settings/security"

    @property
    def _sessions(self) -> str:
        return f"{self.public_url}/settings/devices"
