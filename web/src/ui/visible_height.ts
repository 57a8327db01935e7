// Keeps the composer above a phone's keyboard where that is laid over the page instead of making it smaller (iOS).

// Less is a bar of the browser, not a keyboard.
const KEYBOARD_PX_MIN = 120;

export function followVisibleHeight(viewport: VisualViewport | null): void {
  const follow = (): void => {
    const { style } = document.documentElement;
    // Zoomed in with two fingers one sees a part, too: the page stays as it is then.
    const isZoomed = Math.abs(viewport!.scale - 1) > 0.01;
    if (isZoomed || innerHeight - viewport!.height < KEYBOARD_PX_MIN) style.removeProperty("--visible-height");
    else {
      style.setProperty("--visible-height", `${viewport!.height}px`);
      // The browser has pushed the page up to show the field, which is in sight without that.
      scrollTo(0, 0);
    }
  };
  viewport?.addEventListener("resize", follow);
  viewport?.addEventListener("scroll", follow);
}
