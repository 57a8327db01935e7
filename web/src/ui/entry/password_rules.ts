// What a password must be like, said before one is chosen.
import type { Policy } from "../../store/failure";

export function passwordRules(policy: Policy | null): string | undefined {
  if (policy === null) return undefined;
  return `${policy.password_min} to ${policy.password_max} characters. Several words are good; common passwords are refused.`;
}
