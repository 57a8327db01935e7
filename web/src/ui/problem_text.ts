// What is wrong with a field, for people: the server speaks to those who write programs.
import type { CommandError } from "../store/failure";

const TOO_SHORT = /length >= (\d+)/;
const TOO_LONG = /length <= (\d+)/;

/** `subject` begins the sentence: "This name" + "is taken". */
export function sayProblem(error: CommandError | null, path: string, subject = "This"): string | undefined {
  const problem = error?.problemOf(path);
  if (problem === undefined) return undefined;
  const least = TOO_SHORT.exec(problem)?.[1];
  if (least) return `${subject} must have at least ${least} ${least === "1" ? "character" : "characters"}.`;
  const most = TOO_LONG.exec(problem)?.[1];
  if (most) return `${subject} must have at most ${most} characters.`;
  return `${subject} ${problem}.`;
}
