// The one connection banner: quiet, late, and gone as soon as all is well.
import { useEffect, useRef } from "preact/hooks";
import { client } from "../store/client";
import { Icon } from "./icon";
import { focusFirst, isFocusLost } from "./kept_focus";

const STOPPED = {
  too_many_connections: "ChatCraft is open in too many places. Close some, then connect here again.",
  protocol_violation: "This page is out of step with the server. Reload it.",
  login_ended: "This session was ended.",
  deactivated: "This account has been deactivated.",
} as const;

const OFFLINE = "You are offline. What you write is kept and sent later.";

/** The place is always there, or screen readers would not read what appears in it. */
export function Banner() {
  const { stopReason, isCutOff } = client.connection;
  const noteUse = useFocusAfter(stopReason.value !== null || isCutOff.value);
  return (
    <div class="banner-place" role="status" onClick={noteUse}>
      {stopReason.value !== null ? <Stopped reason={stopReason.value} /> : isCutOff.value && <CutOff />}
    </div>
  );
}

function Stopped({ reason }: { reason: keyof typeof STOPPED }) {
  const isStale = reason === "protocol_violation";
  return (
    <div class="banner">
      <Icon name="alert" size={16} />
      <span>{STOPPED[reason]}</span>
      <button type="button" class="link-button" onClick={() => (isStale ? location.reload() : client.connection.resume())}>
        {isStale ? "Reload" : "Connect"}
      </button>
    </div>
  );
}

function CutOff() {
  const { state, hasSynced } = client.connection;
  const isOffline = state.value === "offline";
  return (
    <div class="banner">
      <span class="spinner" />
      <span>{state.value === "syncing" ? "Catching up…" : hasSynced.value ? OFFLINE : "Connecting…"}</span>
      {/* It stays while a try is under way: the focus may be on it. */}
      {state.value !== "syncing" && (
        <button type="button" class="link-button" aria-disabled={!isOffline} onClick={() => client.connection.wake()}>
          Try now
        </button>
      )}
    </div>
  );
}

/** Who used a button of it by a key goes on where messages are written, once it has gone. */
function useFocusAfter(isShown: boolean): (event: MouseEvent) => void {
  const wasUsed = useRef(false);
  useEffect(() => {
    if (isShown) return;
    if (wasUsed.current && isFocusLost()) focusFirst(["#composer-text", ".pane-list", ".pane"]);
    wasUsed.current = false;
  }, [isShown]);
  return (event) => void (wasUsed.current = event.detail === 0);
}
