// The settings: their list, and beside it, or in its place on a narrow screen, the open section.
import { useEffect, useRef } from "preact/hooks";
import { client } from "../../store/client";
import { Icon } from "../icon";
import { overlay } from "../overlay";
import { clearNotice, Notice } from "./notice";
import { SECTIONS, type Section } from "./sections";
import { useIsWide } from "./wide_screen";
import "../../styles/settings.css";

const TITLE_ID = "settings-title";

export function Settings({ section }: { section: string }) {
  const shown = SECTIONS.find(({ path }) => path === section) ?? SECTIONS[0]!;
  const isListOnly = !useIsWide() && section === "";
  useFocus(section, isListOnly);
  return (
    <>
      <SectionList current={isListOnly ? null : shown} />
      {!isListOnly && (
        <section class="pane settings-page" tabIndex={-1} aria-labelledby={TITLE_ID}>
          <header class="room-header">
            <button type="button" class="icon-button back-button" aria-label="Back to all settings"
              onClick={() => client.navigation.backToSettingsList()}>
              <Icon name="back" />
            </button>
            <div class="room-names"><h2 id={TITLE_ID} tabIndex={-1}>{shown.title}</h2></div>
          </header>
          <div class="settings-scroll">
            <Notice />
            <div class="settings-body">
              <shown.Page key={shown.path} />
            </div>
          </div>
        </section>
      )}
    </>
  );
}

function SectionList({ current }: { current: Section | null }) {
  return (
    <nav class="pane settings-list" tabIndex={-1} aria-label="Settings">
      <header class="room-header">
        <button type="button" class="icon-button close-settings" aria-label="Close settings" title="Close settings"
          onClick={() => client.navigation.closeSettings()}>
          <Icon name="back" />
        </button>
        <div class="room-names"><h2>Settings</h2></div>
      </header>
      <ul>
        {SECTIONS.map(({ path, title, icon }) => (
          <li key={path}>
            <a
              class="settings-link"
              href={`/settings/${path}`}
              aria-current={current?.path === path ? "page" : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                client.navigation.openSettings(path);
              }}
            >
              <Icon name={icon} size={18} /> {title}
            </a>
          </li>
        ))}
      </ul>
      <button type="button" class="settings-link" onClick={() => (overlay.value = { kind: "sign_out" })}>
        <Icon name="logout" size={18} /> Sign out
      </button>
    </nav>
  );
}

/** Whoever came here, or lost what they were at, finds the focus at the head of what is new. */
function useFocus(section: string, isListOnly: boolean): void {
  const previous = useRef<string | null>(null);
  useEffect(() => {
    const isLost = document.activeElement === document.body || document.activeElement === null;
    if (previous.current === null || isLost) {
      const link = `.settings-link[href="/settings/${previous.current || SECTIONS[0]!.path}"]`;
      document.querySelector<HTMLElement>(isListOnly ? link : `#${TITLE_ID}`)?.focus();
    }
    previous.current = section;
    return clearNotice;
  }, [section, isListOnly]);
}
