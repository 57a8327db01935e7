// A person's or room's picture: initials on a colour made from the id, with a presence dot where asked.
import { client } from "../store/client";
import { initialsOf } from "./initials";

const HUES = [20, 55, 95, 145, 185, 215, 250, 285, 320, 350];

function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) >>> 0;
  return HUES[sum % HUES.length]!;
}

interface AvatarProps {
  userId: string;
  size?: "small" | "medium" | "large";
  hasPresence?: boolean;
}

export function Avatar({ userId, size = "medium", hasPresence = false }: AvatarProps) {
  const name = client.people.nameOf(userId);
  return (
    <span class={`avatar avatar-${size}`} style={{ "--avatar-hue": String(hueOf(userId)) }} aria-hidden="true">
      {initialsOf(name)}
      {hasPresence && <PresenceDot userId={userId} />}
    </span>
  );
}

export function PresenceDot({ userId }: { userId: string }) {
  const status = client.presence.find(userId)?.status ?? "offline";
  return <span class={`presence presence-${status}`} />;
}

const STATUS_NAMES = {
  online: "online",
  away: "away",
  dnd: "do not disturb",
  invisible: "invisible to others",
  offline: "offline",
} as const;

/** The presence in words, for those who do not see the dot. */
export function presenceName(userId: string): string {
  return STATUS_NAMES[client.presence.find(userId)?.status ?? "offline"];
}
