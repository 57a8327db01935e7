import { expect, test } from "vitest";
import { sayProblem } from "../../src/ui/problem_text";
import { refusal } from "../fake_api";

const about = (path: string, problem: string) => refusal("invalid_input", { fields: [{ path, problem }] });

test("what is wrong with a field is said to people, not to programs", () => {
  expect(sayProblem(about("password", "must be str of length >= 8"), "password", "The password")).toBe(
    "The password must have at least 8 characters.",
  );
  expect(sayProblem(about("username", "must be str of length <= 32"), "username", "This name")).toBe(
    "This name must have at most 32 characters.",
  );
  expect(sayProblem(about("username", "is taken"), "username", "This name")).toBe("This name is taken.");
});

test("of other fields, and where nothing is wrong, nothing is said", () => {
  expect(sayProblem(about("email", "is taken"), "username")).toBeUndefined();
  expect(sayProblem(null, "username")).toBeUndefined();
});
