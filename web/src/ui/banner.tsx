// The one connection banner: quiet, late, and gone as soon as all is well.
import { client } from "../store/client";
import { Icon } from "./icon";

const STOPPED = {
  too_many_connections: "ChatCraft is open in too many places. Close some, then connect here again.",
  protocol_violation: "This page is out of step with the server. Reload it.",
  login_ended: "This session was ended.",
  deactivated: "This account has been deactivated.",
} as const;

export function Banner() {
  const { stopReason, isCutOff, state } = client.connection;
  const reason = stopReason.value;
  if (reason !== null) {
    const isStale = reason === "protocol_violation";
    return (
      <div class="banner" role="status">
        <Icon name="alert" size={16} />
        <span>{STOPPED[reason]}</span>
        <button type="button" class="link-button" onClick={() => (isStale ? location.reload() : client.connection.resume())}>
          {isStale ? "Reload" : "Connect"}
        </button>
      </div>
    );
  }
  if (!isCutOff.value) return null;
  return (
    <div class="banner" role="status">
      <span class="spinner" />
      <span>{state.value === "syncing" ? "Catching up…" : "You are offline. What you write is kept and sent later."}</span>
      {state.value === "offline" && (
        <button type="button" class="link-button" onClick={() => client.connection.wake()}>
          Try now
        </button>
      )}
    </div>
  );
}
