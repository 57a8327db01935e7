// Where in the program we are: the open room (in the address, `/r/<id>`) and what stands beside it, or the settings
// (`/settings/<section>`).
import { signal } from "@preact/signals";

const ROOM_PATH = /^\/r\/([0-9a-f-]{36})$/;
const SETTINGS_PATH = /^\/settings(?:\/([a-z-]*))?$/;

export class Navigation {
  readonly roomId = signal<string | null>(null);
  /** The members panel; a page of its own below 1,100 px. */
  readonly isPanelOpen = signal(false);
  /** The open section of the settings; empty: the list of them, null: we are elsewhere. */
  readonly settings = signal<string | null>(null);

  start(): void {
    this.#follow();
    addEventListener("popstate", () => this.#follow());
  }

  open(roomId: string): void {
    if (this.roomId.peek() === roomId) return;
    // On a narrow screen the way back leads to the list, not through every room that was open.
    const isFirst = this.roomId.peek() === null;
    history[isFirst ? "pushState" : "replaceState"](null, "", `/r/${roomId}`);
    this.#follow();
  }

  close(): void {
    if (this.roomId.peek() === null && this.settings.peek() === null) return;
    history.replaceState(null, "", "/");
    this.#follow();
    this.isPanelOpen.value = false;
  }

  /** Without a section: their list, beside which a wide screen shows the first. */
  openSettings(section = ""): void {
    const present = this.settings.peek();
    if (present === section) return;
    // From one section to another is no way back; from the list to a section is, as a narrow screen shows one of them.
    const isDeeper = present === null || present === "";
    const depth = isDeeper ? depthInSettings() + 1 : depthInSettings();
    history[isDeeper ? "pushState" : "replaceState"]({ depth }, "", section ? `/settings/${section}` : "/settings");
    this.#follow();
  }

  /** From a section back to the list, for a narrow screen. */
  backToSettingsList(): void {
    if (depthInSettings() > 1) history.back();
    else this.openSettings();
  }

  /** Back to where the settings were opened. */
  closeSettings(): void {
    const depth = depthInSettings();
    if (depth > 0) history.go(-depth);
    else this.close();
  }

  #follow(): void {
    this.roomId.value = ROOM_PATH.exec(location.pathname)?.[1] ?? null;
    const settings = SETTINGS_PATH.exec(location.pathname);
    this.settings.value = settings ? (settings[1] ?? "") : null;
  }
}

/** How many entries of the history lie between here and where the settings were opened; 0: opened by address. */
function depthInSettings(): number {
  return (history.state as { depth?: number } | null)?.depth ?? 0;
}
