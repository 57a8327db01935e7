// Exports of all that the server knows of us: ask for one, fetch it, delete it.
import { useEffect } from "preact/hooks";
import type { Export } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { FormError } from "../form_error";
import { Icon } from "../icon";
import { AskFirst } from "./ask_first";
import { Moment } from "./moment";
import { say } from "./notice";
import { focusPanel, Loaded, Panel } from "./panel";

const HOME = "exports";
const HINT = "A ZIP file with your account, your messages and everything else that is kept about you. Making it may take a while.";

export function ExportsPanel() {
  const request = useAction(async () => {
    await own.privacy.requestExport();
    say("Your export is being made.");
    focusPanel(HOME);
  });
  useEffect(() => {
    own.privacy.onReady = () => say("Your export is ready.");
    return () => (own.privacy.onReady = () => {});
  }, []);
  const isWaiting = own.privacy.exports.value.value?.some(({ state }) => state === "waiting") ?? false;
  return (
    <Panel id={HOME} title="A copy of your data" hint={HINT}>
      <Loaded of={own.privacy.exports}>
        {(exports) => exports.length > 0 && (
          <ul class="own-list" aria-labelledby={HOME}>
            {exports.map((each) => <li key={each.id}><ExportLine export={each} /></li>)}
          </ul>
        )}
      </Loaded>
      <FormError error={request.error} />
      {!isWaiting && (
        <div class="panel-actions">
          <button type="button" class="button" aria-disabled={request.isBusy} onClick={request.run}>Request an export</button>
        </div>
      )}
    </Panel>
  );
}

function ExportLine({ export: shown }: { export: Export }) {
  const { isBusy, error, run } = useAction(async () => {
    if (await own.privacy.downloadExport(shown)) say("Your export is saved.");
  });
  return (
    <>
      <div class="own-line">
        <Icon name="download" />
        <div class="own-line-text">
          <p class="own-line-name">Of <Moment at={shown.requested_at} /></p>
          <p class="panel-hint">{describe(shown)}</p>
        </div>
        {shown.state === "ready" && (
          <button type="button" class="button button-primary" aria-disabled={isBusy} onClick={run}>
            {isBusy ? "Downloading…" : "Download"}
          </button>
        )}
        <AskFirst
          title="Delete this export?"
          text="You can request another one."
          action="Delete export"
          perform={() => own.privacy.deleteExport(shown.id)}
          done="The export is deleted."
          home={HOME}
        >
          {shown.state === "waiting" ? "Stop" : "Delete"}
        </AskFirst>
      </div>
      <FormError error={error} />
    </>
  );
}

function describe({ state, size_bytes, expires_at }: Export) {
  if (state === "waiting") return "Being made…";
  if (state === "failed") return "It could not be made. Delete it and request another one.";
  return (
    <>
      {formatSize(size_bytes ?? 0)}.{expires_at && <> Kept until <Moment at={expires_at} />.</>}
    </>
  );
}

function formatSize(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const format = { style: "unit", unit: units[step]!, unitDisplay: "short", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(undefined, format).format(bytes / 1000 ** step);
}
