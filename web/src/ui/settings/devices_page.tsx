// Where we are signed in, and the ways to end that.
import type { LoginSession } from "../../store/failure";
import { nameDevice } from "../../store/own/device_name";
import { own } from "../../store/own/own";
import { Icon } from "../icon";
import { AskFirst } from "./ask_first";
import { Moment } from "./moment";
import { Loaded, Panel } from "./panel";

const HOME = "logins";
const HINT = "If you do not know one of these, end it and change your password.";

export function DevicesPage() {
  return (
    <Panel id={HOME} title="Where you are signed in" hint={HINT}>
      <Loaded of={own.logins.logins}>
        {(logins) => (
          <>
            <ul class="own-list" aria-labelledby={HOME}>
              {logins.map((login) => <li key={login.id}><LoginLine login={login} /></li>)}
            </ul>
            {logins.length > 1 && (
              <div class="panel-actions">
                <AskFirst
                  title="Sign out everywhere else?"
                  text="All devices but this one are signed out at once."
                  action="Sign out all others"
                  perform={() => own.logins.endOthers()}
                  done="All other devices are signed out."
                  home={HOME}
                >
                  Sign out all others
                </AskFirst>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function LoginLine({ login }: { login: LoginSession }) {
  const name = nameDevice(login.user_agent);
  return (
    <div class="own-line">
      <Icon name="device" />
      <div class="own-line-text">
        <p class="own-line-name">
          <bdi>{name}</bdi> {login.current && <span class="tag">this device</span>}
        </p>
        <p class="panel-hint">
          {login.address && <><bdi>{login.address}</bdi>. </>}
          Signed in <Moment at={login.created_at} />. Last used <Moment at={login.last_used_at} />.
        </p>
      </div>
      {!login.current && (
        <AskFirst
          name={`Sign out ${name}${login.address ? `, ${login.address}` : ""}`}
          title="Sign out this device?"
          text={`${name} is signed out at once.`}
          action="Sign out device"
          perform={() => own.logins.end(login.id)}
          done={`${name} is signed out.`}
          home={HOME}
        >
          Sign out
        </AskFirst>
      )}
    </div>
  );
}
