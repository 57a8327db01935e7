import { describe, expect, test } from "vitest";
import type { User } from "../../src/net/contract.gen";
import { fromTokens, toTokens } from "../../src/store/mentions";
import { HER, ME } from "../samples";

const people = [
  { id: HER, username: "ada" },
  { id: ME, username: "bob.b" },
] as User[];
const nameOf = (id: string): string | null => people.find((user) => user.id === id)?.username ?? null;

describe("mentions", () => {
  test("names become tokens, known ones only", () => {
    expect(toTokens("@ada and @nobody, see @here", people)).toBe(`<@${HER}> and @nobody, see <!here>`);
  });

  test("punctuation after a name is no part of it, a dot inside it is", () => {
    expect(toTokens("Thanks @ada. Thanks @bob.b.", people)).toBe(`Thanks <@${HER}>. Thanks <@${ME}>.`);
  });

  test("e-mail addresses and code are left alone", () => {
    expect(toTokens("x@ada.org `@ada` ```\n@ada\n```", people)).toBe("x@ada.org `@ada` ```\n@ada\n```");
  });

  test("what was written comes back for editing", () => {
    const text = "@ada, @room: (@bob.b)";
    expect(fromTokens(toTokens(text, people), nameOf)).toBe(text);
  });

  test("a person who is not known keeps the token", () => {
    expect(fromTokens(`<@${HER}>`, () => null)).toBe(`<@${HER}>`);
  });
});
