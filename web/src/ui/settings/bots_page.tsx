// Programs that act for us: our bots, and API tokens of bots and of our own scripts.
import { useState } from "preact/hooks";
import type { User } from "../../store/failure";
import { own } from "../../store/own/own";
import { useAction } from "../action_state";
import { Avatar } from "../avatar";
import { Field } from "../field";
import { FormError } from "../form_error";
import { sayProblem } from "../problem_text";
import { AskFirst } from "./ask_first";
import { say } from "./notice";
import { focusPanel, Loaded, Panel } from "./panel";
import { MadeToken } from "./made_token";
import { Tokens } from "./tokens";

const HOME = "bots";
const HINT = "A bot is a user without a password. Add it to rooms like anybody else; a program acts as it by an API token.";

export function BotsPage() {
  const made = own.bots.made.value;
  return (
    <>
      {made && <MadeToken token={made.token} />}
      <Panel id={HOME} title="Bots" hint={HINT}>
        <Loaded of={own.bots.bots}>
          {(bots) => bots.length > 0 && (
            <ul class="own-list" aria-labelledby={HOME}>
              {bots.map((bot) => <li key={bot.id}><BotLine bot={bot} /></li>)}
            </ul>
          )}
        </Loaded>
        <NewBot />
      </Panel>
      <Panel id="own-tokens" title="Your own API tokens" hint="For scripts that act as yourself. Whoever has such a token reads and writes as you.">
        <Tokens holder={null} of="yourself" home="own-tokens" />
      </Panel>
    </>
  );
}

function BotLine({ bot }: { bot: User }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="bot" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="own-line">
        <Avatar userId={bot.id} />
        <span class="own-line-text">
          <span class="own-line-name"><bdi>{bot.display_name}</bdi></span>
          <span class="panel-hint">@{bot.username}</span>
        </span>
      </summary>
      {isOpen && <BotDetails bot={bot} />}
    </details>
  );
}

function BotDetails({ bot }: { bot: User }) {
  const tokensId = `tokens-${bot.id}`;
  return (
    <div class="bot-body">
      <RenameBot key={bot.display_name} bot={bot} />
      <h4 id={tokensId} tabIndex={-1}>API tokens</h4>
      <Tokens holder={bot.id} of={bot.display_name} home={tokensId} />
      <div class="panel-actions">
        <AskFirst
          name={`Delete ${bot.display_name}`}
          title="Delete this bot?"
          text={`@${bot.username} is signed out at once and its tokens end. What it wrote stays.`}
          action="Delete bot"
          perform={() => own.bots.deleteBot(bot.id)}
          done={`@${bot.username} is deleted.`}
          home={HOME}
        >
          Delete
        </AskFirst>
      </div>
    </div>
  );
}

function RenameBot({ bot }: { bot: User }) {
  const [name, setName] = useState(bot.display_name);
  const { isBusy, error, run } = useAction(async () => {
    await own.bots.renameBot(bot.id, name.trim());
    say("The bot has its new name.");
  });
  const isChanged = name.trim() !== "" && name.trim() !== bot.display_name;
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) run();
      }}
    >
      <div class="field-row">
        <Field label="Its display name" value={name} onInput={setName} error={sayProblem(error, "display_name")} maxLength={64} isRequired />
        <button type="submit" class="button" aria-disabled={!isChanged || isBusy}>Rename</button>
      </div>
      <FormError error={error} fields={["display_name"]} />
    </form>
  );
}

function NewBot() {
  const [username, setUsername] = useState("");
  const [name, setName] = useState("");
  const { isBusy, error, run } = useAction(async () => {
    await own.bots.createBot(username.trim(), name.trim() || username.trim());
    say(`@${username.trim()} is made. Open it to give it a token.`);
    setUsername("");
    setName("");
    focusPanel(HOME);
  });
  const problem = sayProblem(error, "username", "This name");
  return (
    <form
      class="form"
      aria-label="New bot"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <Field label="User name of a new bot" value={username} onInput={setUsername} maxLength={32} isRequired
        error={problem} />
      <Field label="Display name (optional)" value={name} onInput={setName} error={sayProblem(error, "display_name")} maxLength={64} />
      <FormError error={error} fields={["username", "display_name"]} text={problem && null} />
      <div class="panel-actions">
        <button type="submit" class="button" aria-disabled={isBusy}>Create bot</button>
      </div>
    </form>
  );
}
