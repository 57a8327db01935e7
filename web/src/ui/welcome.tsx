// The frame of every page that one sees without being signed in.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

interface WelcomeProps {
  title: string;
  /** Why one is here, where that is not one's own doing. */
  notice?: string | null;
  children?: ComponentChildren;
}

/** The focus is on the first field that asks for it, else on the title. */
export function Welcome({ title, notice = null, children }: WelcomeProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (document.activeElement === document.body || document.activeElement === null) heading.current!.focus();
  }, []);
  useEffect(() => {
    document.title = `${title} · ChatCraft`;
  }, [title]);
  return (
    <Frame>
      {notice && <p class="welcome-notice" role="alert">{notice}</p>}
      <h2 ref={heading} tabIndex={-1}>{title}</h2>
      {children}
    </Frame>
  );
}

export function Frame({ children }: { children?: ComponentChildren }) {
  return (
    <main class="welcome">
      <div class="welcome-card">
        <div class="brand">
          <img src="/favicon.svg" width={40} height={40} alt="" decoding="sync" />
          <h1>ChatCraft</h1>
        </div>
        {children}
      </div>
    </main>
  );
}
