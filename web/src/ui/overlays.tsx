// Shows the dialog that is open, if any.
import { client } from "../store/client";
import { BrowseRooms } from "./browse_rooms";
import { ConfirmDialog } from "./confirm_dialog";
import { NewRoom } from "./new_room";
import { keepFocusNear, nearMessage } from "./kept_focus";
import { closeOverlay, overlay } from "./overlay";
import { AddPeople, NewDm } from "./people_dialogs";
import { stopEditing } from "./editing";

export function Overlays() {
  const open = overlay.value;
  switch (open?.kind) {
    case undefined:
      return null;
    case "new_room":
      return <NewRoom />;
    case "browse":
      return <BrowseRooms />;
    case "new_dm":
      return <NewDm />;
    case "add_people":
      return <AddPeople roomId={open.roomId} />;
    case "leave":
      return (
        <ConfirmDialog
          title="Leave this room?"
          text="You will no longer see its messages."
          action="Leave room"
          perform={() => client.lobby.leave(open.roomId)}
        />
      );
    case "delete_message":
      return (
        <ConfirmDialog
          title="Delete this message?"
          text="Its text is removed for everybody. This cannot be undone."
          action="Delete message"
          perform={async () => {
            await client.history.remove(open.roomId, open.messageId);
            stopEditing();
            keepFocusNear(...nearMessage(open.messageId));
          }}
        />
      );
    case "sign_out":
      return <SignOutDialog />;
  }
}

function SignOutDialog() {
  const unsent = client.outbox.items.value.length;
  const text = unsent > 0 ? `${unsent} unsent ${unsent === 1 ? "message" : "messages"} will be lost.` : "";
  return (
    <ConfirmDialog
      title="Sign out?"
      text={`Drafts on this device are removed. ${text}`}
      action="Sign out"
      perform={async () => {
        closeOverlay();
        await client.account.signOut();
      }}
    />
  );
}
