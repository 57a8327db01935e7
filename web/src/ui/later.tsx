// Pages that few need, loaded when they are shown: the first page stays small.
import { Fragment, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

const SPINNER_AFTER_MS = 200;

type State = "loading" | "slow" | "failed";

type Frame = ComponentType<{ children?: ComponentChildren }>;

/** A component that loads what it shows once it is shown itself; until then it is a line in the frame. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, frame: Frame = Fragment): ComponentType<P> {
  let Loaded: ComponentType<P> | null = null;
  return function Later(props: P) {
    const [state, setState] = useState<State>("loading");
    const [, setLoaded] = useState(Loaded !== null);
    useEffect(() => {
      if (Loaded) return;
      let isShown = true;
      const timer = setTimeout(() => setState("slow"), SPINNER_AFTER_MS);
      load()
        .then((component) => (Loaded = component), () => {})
        .finally(() => {
          clearTimeout(timer);
          if (!isShown) return;
          if (Loaded) setLoaded(true);
          else setState("failed");
        });
      return () => {
        isShown = false;
        clearTimeout(timer);
      };
    }, []);
    return Loaded ? <Loaded {...props} /> : <Waiting state={state} Frame={frame} />;
  };
}

function Waiting({ state, Frame }: { state: State; Frame: Frame }) {
  if (state === "loading") return null;
  return <Frame>{state === "slow" ? <Slow /> : <Failed />}</Frame>;
}

function Slow() {
  return <p class="later" role="status"><span class="spinner" /> Loading…</p>;
}

function Failed() {
  return (
    <div class="later" role="alert">
      <p>This part of ChatCraft could not be loaded. There may be a newer version of it.</p>
      <button type="button" class="button" onClick={() => location.reload()}>Reload</button>
    </div>
  );
}
