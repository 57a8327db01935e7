// The first page: sign in, or create an account.
import { useState } from "preact/hooks";
import { client } from "../store/client";
import { useAction } from "./action_state";
import { Field } from "./field";
import { FormError } from "./form_error";

const FIELDS = ["username", "password", "display_name", "login"];

export function SignIn() {
  const [isNew, setNew] = useState(location.hash === "#sign-up");
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Brand />
        {client.account.notice.value && <p class="welcome-notice">{client.account.notice.value}</p>}
        {isNew ? <SignUpForm /> : <SignInForm />}
        <p class="welcome-switch">
          {isNew ? "Already have an account?" : "New here?"}{" "}
          <button type="button" class="link-button" onClick={() => setNew(!isNew)}>
            {isNew ? "Sign in" : "Create an account"}
          </button>
        </p>
      </div>
    </main>
  );
}

export function Brand() {
  return (
    <div class="brand">
      <img src="/favicon.svg" width={40} height={40} alt="" />
      <h1>ChatCraft</h1>
    </div>
  );
}

function SignInForm() {
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const { isBusy, error, run } = useAction(() => client.account.signIn(login.trim(), password));
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <Field
        label="User name or e-mail"
        name="username"
        autoComplete="username"
        value={login}
        onInput={setLogin}
        error={error?.problemOf("login")}
        isRequired
        hasFocus
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        value={password}
        onInput={setPassword}
        error={error?.problemOf("password")}
        isRequired
      />
      <FormError error={error} fields={FIELDS} />
      <button type="submit" class="button button-primary" aria-disabled={isBusy}>
        {isBusy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}

function SignUpForm() {
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const { isBusy, error, run } = useAction(() => {
    const name = displayName.trim();
    const request = { username: username.trim(), password };
    return client.account.signUp(name ? { ...request, display_name: name } : request);
  });
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <Field
        label="User name"
        name="username"
        autoComplete="username"
        hint="3 to 32 letters, digits, dots, dashes or underscores."
        value={username}
        onInput={setUsername}
        error={error?.code === "conflict" ? error.message : error?.problemOf("username")}
        isRequired
        hasFocus
      />
      <Field
        label="Display name (optional)"
        name="name"
        autoComplete="name"
        value={displayName}
        onInput={setDisplayName}
        error={error?.problemOf("display_name")}
        maxLength={64}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        hint="At least 8 characters."
        value={password}
        onInput={setPassword}
        error={error?.problemOf("password")}
        isRequired
      />
      <FormError error={error?.code === "conflict" ? null : error} fields={FIELDS} />
      <button type="submit" class="button button-primary" aria-disabled={isBusy}>
        {isBusy ? "Creating your account…" : "Create account"}
      </button>
    </form>
  );
}
