// Whether list and section stand side by side. The same width as in layout.css.
import { useEffect, useState } from "preact/hooks";

const WIDE = "(min-width: 720px)";

export function useIsWide(): boolean {
  const [isWide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const follow = (): void => setWide(query.matches);
    follow(); // what has changed since the first drawing was told to nobody
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return isWide;
}
