// Starts the web client. Loaded by index.html only.
import { effect } from "@preact/signals";
import { render } from "preact";
import { client } from "./store/client";
import { contrast, density, theme } from "./store/settings";
import { App } from "./ui/app";
import { StepUp } from "./ui/step_up";
import { followVisibleHeight } from "./ui/visible_height";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/rooms.css";
import "./styles/timeline.css";
import "./styles/skeleton.css";
import "./styles/composer.css";
import "./styles/dialogs.css";
import "./styles/welcome.css";
import "./styles/forced_colors.css";

// The bar of a phone's browser has the colours of the program, also where these are not the system's.
effect(() => {
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const { scheme } = meta.dataset;
    const isChosen = theme.value === scheme ? "all" : "not all";
    meta.media = theme.value === "system" ? `(prefers-color-scheme: ${scheme})` : isChosen;
  }
});

effect(() => {
  const { dataset } = document.documentElement;
  dataset.theme = theme.value;
  dataset.contrast = contrast.value;
  dataset.density = density.value;
});

client.start();
followVisibleHeight(window.visualViewport);
render(
  <>
    <App />
    <StepUp />
  </>,
  document.getElementById("app")!,
);
