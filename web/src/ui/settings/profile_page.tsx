// How others see us: name, status, a few words.
import { useEffect, useId, useState } from "preact/hooks";
import { client } from "../../store/client";
import type { Me } from "../../store/failure";
import { useAction } from "../action_state";
import { Avatar } from "../avatar";
import { Field } from "../field";
import { FormError } from "../form_error";
import { sayProblem } from "../problem_text";
import { say } from "./notice";
import { Panel } from "./panel";

export function ProfilePage() {
  const me = client.account.me.value;
  if (!me) return null;
  return (
    <>
      <div class="profile-head">
        <Avatar userId={me.id} size="large" hasPresence />
        <div>
          <p class="profile-name" dir="auto">{me.display_name}</p>
          <p class="person-status">@{me.username}</p>
        </div>
      </div>
      <Panel id="your-name" title="You">
        <NameForm me={me} />
      </Panel>
      <Panel id="your-status" title="Status" hint="Others see it beside your name.">
        <StatusForm userId={me.id} />
      </Panel>
    </>
  );
}

function NameForm({ me }: { me: Me }) {
  const [name, setName] = useState(me.display_name);
  const [bio, setBio] = useState(me.bio);
  const id = useId();
  const { isBusy, error, run } = useAction(async () => {
    await client.account.update({ display_name: name.trim(), bio: bio.trim() });
    say("Your profile is saved.");
  });
  const isChanged = (name.trim() !== me.display_name || bio.trim() !== me.bio) && name.trim() !== "";
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) run();
      }}
    >
      <Field label="Display name" value={name} onInput={setName} error={sayProblem(error, "display_name")} maxLength={64} />
      <div class="field">
        <label for={id}>About you (optional)</label>
        <textarea id={id} rows={3} maxLength={500} dir="auto" value={bio} onInput={(event) => setBio(event.currentTarget.value)} />
      </div>
      <FormError error={error} fields={["display_name"]} />
      <div class="panel-actions">
        <button type="submit" class="button" aria-disabled={!isChanged || isBusy}>Save profile</button>
      </div>
    </form>
  );
}

const STATUSES = { online: "Online", away: "Away", dnd: "Do not disturb", invisible: "Invisible" } as const;
type Status = keyof typeof STATUSES;

function StatusForm({ userId }: { userId: string }) {
  const presence = client.presence.find(userId);
  const shown: Status = presence === null || presence.status === "offline" ? "online" : presence.status;
  // Null: not touched, so that what is heard later shows.
  const [chosen, choose] = useState<Status | null>(null);
  const [written, write] = useState<string | null>(null);
  const [status, text] = [chosen ?? shown, written ?? presence?.text ?? ""];
  const id = useId();
  useEffect(() => {
    client.presence.show("profile", [userId]);
    return () => client.presence.show("profile", []);
  }, [userId]);
  const { isBusy, error, run } = useAction(async () => {
    await client.presence.setOwn(status, text.trim());
    choose(null);
    write(null);
    say("Your status is set.");
  });
  const isChanged = status !== shown || text.trim() !== (presence?.text ?? "");
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) run();
      }}
    >
      <div class="field">
        <label for={id}>Status</label>
        <select id={id} value={status} onChange={(event) => choose(event.currentTarget.value as Status)}>
          {Object.entries(STATUSES).map(([value, name]) => <option key={value} value={value}>{name}</option>)}
        </select>
      </div>
      <Field label="Status text" value={text} onInput={write} error={sayProblem(error, "text")} maxLength={100} />
      <FormError error={error} fields={["text"]} />
      <div class="panel-actions">
        <button type="submit" class="button" aria-disabled={!isChanged || isBusy}>Set status</button>
      </div>
    </form>
  );
}
