// Where the focus goes when the control that had it is gone: never to the page itself.

export function isFocusLost(): boolean {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || !activeElement.checkVisibility();
}

/** After the next change of the page, as what goes then still stands there now. */
export function keepFocusNear(...selectors: string[]): void {
  requestAnimationFrame(() => {
    if (isFocusLost()) focusFirst(selectors);
  });
}

/** The first of these that is on the page. */
export function focusFirst(selectors: readonly string[]): void {
  for (const selector of selectors) {
    const element = document.querySelector<HTMLElement>(selector);
    if (!element?.checkVisibility()) continue;
    element.focus({ preventScroll: true });
    return;
  }
}

/** A message, else the one that the tab key reaches: a message that is gone has none. */
export function nearMessage(key: string): string[] {
  return [`.message[data-key="${key}"]`, '.message[tabindex="0"]'];
}
