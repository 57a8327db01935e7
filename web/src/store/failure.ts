// What the user interface may know of failed commands, so that it need not reach into net/.
export { asCommandError, type CommandError } from "../net/errors";
export type {
  ApiToken, DueConsent, Export, Identity, LoginSession, Me, Member, Message, NewToken, Passkey, Policy, Presence, Provider, Room,
  TotpBegun, User,
} from "../net/contract.gen";
