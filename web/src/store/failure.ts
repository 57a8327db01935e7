// What the user interface may know of failed commands, so that it need not reach into net/.
export { asCommandError, type CommandError } from "../net/errors";
export type { DueConsent, Member, Message, Policy, Presence, Provider, Room, User } from "../net/contract.gen";
