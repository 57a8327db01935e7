// The API tokens of a bot or of ourselves: what each may do, when it was used, and its end.
import { useState } from "preact/hooks";
import { client } from "../../store/client";
import type { ApiToken } from "../../store/failure";
import type { Holder } from "../../store/own/bots";
import { own } from "../../store/own/own";
import { titleOf } from "../../store/room_list";
import { Icon } from "../icon";
import { AskFirst } from "./ask_first";
import { Moment } from "./moment";
import { NewToken } from "./new_token";
import { Loaded } from "./panel";

interface TokensProps {
  holder: Holder;
  /** Whose they are, in words. */
  of: string;
  /** The heading above. */
  home: string;
}

export function Tokens({ holder, of, home }: TokensProps) {
  const [isMaking, setMaking] = useState(false);
  return (
    <>
      <Loaded of={own.bots.tokensOf(holder)}>
        {(tokens) => tokens.length > 0 ? (
          <ul class="own-list" aria-labelledby={home}>
            {tokens.map((token) => <li key={token.id}><TokenLine token={token} holder={holder} home={home} /></li>)}
          </ul>
        ) : (
          <p class="panel-hint">There are none yet.</p>
        )}
      </Loaded>
      <div class="panel-actions">
        <button type="button" class="button" aria-label={`New API token for ${of}`} onClick={() => setMaking(true)}>New API token</button>
      </div>
      {isMaking && <NewToken holder={holder} onClose={() => setMaking(false)} />}
    </>
  );
}

function TokenLine({ token, holder, home }: { token: ApiToken; holder: Holder; home: string }) {
  return (
    <div class="own-line">
      <Icon name="key" />
      <div class="own-line-text">
        <p class="own-line-name"><bdi>{token.name}</bdi></p>
        <p class="panel-hint">{describeScopes(token.scopes)}</p>
        <p class="panel-hint">
          {token.last_used_at ? <>Last used <Moment at={token.last_used_at} />.</> : "Not used yet."}{" "}
          {token.expires_at ? <>Ends <Moment at={token.expires_at} />.</> : "Has no end."}
        </p>
      </div>
      <AskFirst
        name={`Revoke ${token.name}`}
        title="Revoke this token?"
        text={`Programs that use “${token.name}” are shut out at once.`}
        action="Revoke token"
        perform={() => own.bots.revokeToken(holder, token.id)}
        done={`“${token.name}” is revoked.`}
        home={home}
      >
        Revoke
      </AskFirst>
    </div>
  );
}

function describeScopes(scopes: readonly string[]): string {
  const may = ["read", "write"].filter((scope) => scopes.includes(scope)).join(" and ");
  const roomIds = scopes.filter((scope) => scope.startsWith("rooms:")).map((scope) => scope.slice("rooms:".length));
  const names = roomIds.map((roomId) => {
    const state = client.rooms.find(roomId);
    return state ? titleOf(state, (id) => client.people.nameOf(id)) : "a room that you are not in";
  });
  return `May ${may}${names.length > 0 ? ` in ${names.join(", ")}` : ""}.`;
}
