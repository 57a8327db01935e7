// Between the composer's `@name` and the protocol's tokens `<@id>`, `<!here>`, `<!room>`. Pure.
import type { User } from "../net/contract.gen";

const TOKEN = /<@([0-9a-f-]{36})>|<!(here|room)>/g;
// Code is left alone; a name must not continue an e-mail address or another word.
const NAME = /(`+)[^]*?\1|(^|[^\w@.])@([\p{L}\p{N}._-]+)/gu;

/** Replace `@username` of those people, `@here` and `@room`. */
export function toTokens(text: string, people: readonly User[]): string {
  const idByName = new Map(people.map((user) => [user.username, user.id]));
  return text.replace(NAME, (whole: string, code: string | undefined, before: string, name: string) => {
    if (code !== undefined) return whole;
    // A full stop after a name ends the sentence, unless the name has one.
    for (let end = name.length; end > 0; end -= 1) {
      const rest = name.slice(end);
      if (!/^[._-]*$/.test(rest)) break;
      const token = tokenOf(name.slice(0, end).toLowerCase(), idByName);
      if (token) return `${before}${token}${rest}`;
    }
    return whole;
  });
}

function tokenOf(name: string, idByName: ReadonlyMap<string, string>): string | null {
  if (name === "here" || name === "room") return `<!${name}>`;
  const id = idByName.get(name);
  return id ? `<@${id}>` : null;
}

/** The opposite, for editing; a person who is not known keeps the token. */
export function fromTokens(text: string, nameOf: (userId: string) => string | null): string {
  return text.replace(TOKEN, (token: string, userId: string | undefined, all: string | undefined) => {
    const name = all ?? nameOf(userId!);
    return name ? `@${name}` : token;
  });
}
