// Generated from the registry by `python -m shared.documents write`. Do not edit.

export interface AcceptConsent {
  kind: "age" | "terms";
  version: string;
}

export interface AddMembers {
  room_id: string;
  user_ids: string[];
}

export interface AddPasskey {
  challenge_id: string;
  credential: PasskeyAttestation;
  name: string;
}

/** An account as administrators see it. */
export interface AdminUser {
  id: string;
  username: string;
  display_name: string;
  role: "admin" | "bot" | "member";
  bio: string;
  avatar_file_id: string | null;
  created_at: string | null;
  deactivated: boolean;
  email: string | null;
  email_verified: boolean;
  locale: string | null;
  timezone: string | null;
  deactivated_at: string | null;
  last_used_at: string | null;
  login_count: number;
}

export interface AdminUsers {
  users: AdminUser[];
  next_cursor: string | null;
}

export interface ApiToken {
  id: string;
  user_id: string;
  name: string;
  scopes: string[];
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
}

/** Those that are valid, newest first. */
export interface ApiTokens {
  tokens: ApiToken[];
}

export interface AssertionResponse {
  clientDataJSON: string;
  authenticatorData: string;
  signature: string;
  userHandle?: string | null;
}

export interface AttestationResponse {
  clientDataJSON: string;
  attestationObject: string;
  transports?: string[];
}

/** The newest first. */
export interface AuditEntries {
  entries: AuditEntry[];
  next_cursor: string | null;
}

/** What somebody did, and when. Each hash covers the entry and the hash before it. */
export interface AuditEntry {
  number: number;
  at: string;
  actor_id: string | null;
  action: string;
  subject_id: string | null;
  address: string | null;
  details: Record<string, unknown>;
  hash: string;
}

export interface Ban {
  room_id: string;
  user_id: string;
  banned_by: string;
  banned_at: string;
}

/** By user id. */
export interface Bans {
  bans: Ban[];
  next_cursor: string | null;
}

export interface BeginOidc {
  provider_id: string;
}

/** Those that are active, by user name. */
export interface Bots {
  bots: User[];
}

export interface BrowseRooms {
  q?: string;
  sort?: "active" | "members" | "name";
  limit?: number;
  cursor?: string | null;
}

export interface ChangeEmail {
  email: string;
}

export interface ChangePassword {
  current_password: string;
  new_password: string;
}

/** The present state of all that changed after a position, or `reset` and empty lists. */
export interface Changes {
  position: Position;
  reset: boolean;
  messages: Message[];
  members: Member[];
  room: Room;
}

export interface ConfirmTotp {
  code: string;
}

export interface Consent {
  kind: "age" | "terms";
  version: string;
  accepted_at: string;
}

export interface Consents {
  consents: Consent[];
  due: DueConsent[];
}

export interface CountedMention {
  message_id: string;
  seq: number;
  sender_id: string;
  why: "room" | "user";
}

export interface CreateBot {
  username: string;
  display_name: string;
}

export interface CreateBotToken {
  bot_id: string;
  name: string;
  scopes: string[];
  expires_in_days?: number | null;
}

export interface CreateInvitation {
  max_uses?: number;
  expires_in_s?: number;
}

export interface CreateInvite {
  room_id: string;
  expires_in_s?: number | null;
  max_uses?: number | null;
}

export interface CreateRoom {
  kind: "private" | "public";
  name: string;
  id?: string | null;
  topic?: string | null;
  member_ids?: string[] | null;
}

export interface CreateToken {
  name: string;
  scopes: string[];
  expires_in_days?: number | null;
}

/** What a user has begun to write, on all their devices; an empty text means that there is none. */
export interface Draft {
  room_id: string;
  thread_id: string | null;
  text: string;
  updated_at: string;
}

/** Last written first; of rooms that the user is in. */
export interface Drafts {
  drafts: Draft[];
  next_cursor: string | null;
}

export interface Draining {
  retry_after_ms: number;
}

export interface DueConsent {
  kind: "age" | "terms";
  version: string;
  url: string | null;
}

export interface EditMessage {
  room_id: string;
  message_id: string;
  text: string;
}

/** `{}`: nothing to say, or nothing to ask. */
export type Empty = Record<string, never>;

export interface EraseMe {
  messages: "anonymise" | "erase";
}

export interface EraseUser {
  user_id: string;
  messages: "anonymise" | "erase";
}

/** How far an erasure has come. It goes on by itself, and cannot be taken back. */
export interface Erasure {
  id: string;
  state: "finished" | "running" | "waiting";
  messages: "anonymise" | "erase";
  requested_at: string;
  finished_at: string | null;
  steps: FinishedStep[];
}

/** What stands under `error` on every door. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  retry_after_ms: number | null;
  details: Record<string, unknown>;
}

/** Every code a client can meet. Status and retry are in `STATUS` and `RETRYABLE`. */
export type ErrorCode = "bad_frame" | "conflict" | "forbidden" | "internal" | "invalid_input" | "mfa_failed" | "not_found" | "rate_limited" | "timeout" | "token_expired" | "too_large" | "unauthenticated" | "unavailable" | "unknown_op";

/** `{"error": {…}}`: a whole REST body, or the bus's reply. */
export interface ErrorReply {
  error: ErrorBody;
}

/** One ZIP, downloaded from `/files/exports/{id}`; docs/privacy.md says what is in it. */
export interface Export {
  id: string;
  state: "failed" | "ready" | "waiting";
  requested_at: string;
  ready_at: string | null;
  expires_at: string | null;
  size_bytes: number | null;
}

/** The newest first. */
export interface Exports {
  exports: Export[];
}

export interface Factors {
  has_password: boolean;
  totp_since_at: string | null;
  recovery_codes_left: number;
  passkeys: Passkey[];
}

export interface FinishOidc {
  state: string;
  binding: string;
  code: string;
  iss?: string | null;
}

export interface FinishedStep {
  name: "access" | "account" | "messages" | "presence" | "rooms";
  finished_at: string | null;
}

export interface FocusRooms {
  room_ids: string[];
}

export interface GetChanges {
  room_id: string;
  epoch: number;
  after_rev: number;
}

export interface GetPresence {
  user_ids: string[];
}

export interface GetUsers {
  ids: string[];
}

export interface HeldInvite {
  code: string;
}

export interface HeldPosition {
  epoch: number;
  rev: number;
}

export interface HeldReceipt {
  receipt: string;
}

/** `marks` are ranges [start, end) of code points in the message's text, ascending, apart. */
export interface Hit {
  message: Message;
  marks: number[][];
}

/** May be shorter than `limit`, even empty, while there is more: then `next_cursor` is not null. */
export interface Hits {
  hits: Hit[];
  next_cursor: string | null;
}

export interface Identities {
  identities: Identity[];
}

export interface Identity {
  id: string;
  provider_id: string;
  provider_name: string;
  email: string | null;
  linked_at: string;
  last_used_at: string | null;
}

export interface Invitation {
  id: string;
  created_by: string;
  created_at: string;
  expires_at: string;
  max_uses: number;
  uses: number;
}

export interface Invitations {
  invitations: Invitation[];
}

export interface Invite {
  id: string;
  room_id: string;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  max_uses: number | null;
  uses: number;
  code: string | null;
}

/** What the holder of a link is told before coming in. */
export interface InvitePreview {
  room_id: string;
  name: string;
  topic: string;
  kind: "dm" | "group_dm" | "private" | "public";
  member_count: number;
  expires_at: string | null;
}

/** Those that can still be used, newest first. */
export interface Invites {
  invites: Invite[];
}

export interface Jwks {
  keys: Record<string, unknown>[];
}

/** What `ready.limits` tells a client; the gateway enforces the same object. */
export interface Limits {
  frame_bytes: number;
  text_code_points: number;
  commands_in_flight: number;
  command_timeout_s: number;
  commands_per_s: number;
  commands_burst: number;
  connections_per_user: number;
  watched_users: number;
  rooms_per_user: number;
  reply_bytes: number;
  ping_interval_s: number;
  silence_s: number;
  focused_rooms: number;
}

/** An account here has the address: sign in to it by its own ways, then confirm by `identities.link`. */
export interface LinkDue {
  link_token: string;
  link_hint: string;
}

export interface LinkIdentity {
  link_token: string;
}

export interface ListDrafts {
  limit?: number;
  cursor?: string | null;
}

export interface ListMembers {
  room_id: string;
  limit?: number;
  cursor?: string | null;
}

/** At most one anchor; with none, the newest. */
export interface ListMessages {
  room_id: string;
  before_seq?: number | null;
  after_seq?: number | null;
  around_seq?: number | null;
  limit?: number;
  thread_id?: string | null;
}

export interface ListPins {
  room_id: string;
  cursor?: string | null;
}

export interface ListReactions {
  room_id: string;
  message_id: string;
  cursor?: string | null;
}

export interface ListRooms {
  limit?: number;
  cursor?: string | null;
}

export interface ListSaved {
  limit?: number;
  cursor?: string | null;
}

/** All threads of a room, or, without one, those that the caller follows. */
export interface ListThreads {
  room_id?: string | null;
  limit?: number;
  cursor?: string | null;
}

export interface ListUsers {
  q?: string;
  role?: "admin" | "bot" | "member" | null;
  state?: "active" | "deactivated" | null;
  limit?: number;
  cursor?: string | null;
}

export type LoginReply = SignedIn | SecondFactorDue;

/** One refresh-token family: a device where the user is signed in. */
export interface LoginSession {
  id: string;
  created_at: string;
  last_used_at: string;
  address: string | null;
  user_agent: string | null;
  current: boolean;
}

export interface LoginSessions {
  logins: LoginSession[];
}

export interface LoginsEnded {
  count: number;
}

export interface MarkRead {
  room_id: string;
  seq: number;
  thread_id?: string | null;
  unread?: boolean | null;
}

/** A User as its owner sees it. `created_at` is null only while the auth service is away. */
export interface Me {
  id: string;
  username: string;
  display_name: string;
  role: "admin" | "bot" | "member";
  bio: string;
  avatar_file_id: string | null;
  created_at: string | null;
  deactivated: boolean;
  email: string | null;
  email_verified: boolean;
  locale: string | null;
  timezone: string | null;
}

export interface Member {
  room_id: string;
  user_id: string;
  role: "member" | "moderator" | "owner";
  joined_at: string;
  left_at: string | null;
  rev: number;
}

/** Present members only, by user id. */
export interface Members {
  members: Member[];
  next_cursor: string | null;
}

/** A member's own view of a room; only its owner ever sees it. */
export interface Membership {
  room_id: string;
  user_id: string;
  role: "member" | "moderator" | "owner";
  joined_at: string;
  read_seq: number;
  unread: number;
  mentions: number;
  notify: "all" | "mentions" | "none";
}

export interface Mentions {
  user_ids: string[];
  room: boolean;
  here: boolean;
}

export interface Message {
  id: string;
  room_id: string;
  seq: number;
  rev: number;
  thread_id: string | null;
  reply_to: string | null;
  sender_id: string;
  kind: "encrypted" | "system" | "text";
  text: string;
  content: Record<string, unknown> | null;
  mentions: Mentions;
  files: Record<string, unknown>[];
  reactions: Reaction[];
  reply_count: number;
  last_reply_at: string | null;
  pinned_at: string | null;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
}

/** Ascending by seq. */
export interface Messages {
  messages: Message[];
  has_before: boolean;
  has_after: boolean;
}

export interface NewInvitation {
  invitation: Invitation;
  token: string;
}

export interface NewToken {
  id: string;
  user_id: string;
  name: string;
  scopes: string[];
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
  token: string;
}

/** For ten minutes. Keep `state` and `binding` in this browser alone, and go to `authorization_url`. */
export interface OidcBegun {
  authorization_url: string;
  state: string;
  binding: string;
}

export type OidcReply = SignedIn | SecondFactorDue | LinkDue | RegistrationDue;

export interface OneBot {
  bot_id: string;
}

export interface OneExport {
  export_id: string;
}

export interface OneInvite {
  room_id: string;
  invite_id: string;
}

export interface OneMember {
  room_id: string;
  user_id: string;
}

export interface OneMessage {
  room_id: string;
  message_id: string;
}

export interface OneReaction {
  room_id: string;
  message_id: string;
  emoji: string;
}

export interface OneRoom {
  room_id: string;
}

export interface OpenDm {
  user_ids: string[];
}

export interface OwnRoom {
  room: Room;
  membership: Membership;
}

/** Most recently active first. */
export interface OwnRooms {
  rooms: OwnRoom[];
  next_cursor: string | null;
}

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  last_used_at: string | null;
  backed_up: boolean;
}

/** Of `navigator.credentials.get`: a signature by a passkey. All bytes in base64url. */
export interface PasskeyAssertion {
  id: string;
  rawId: string;
  type: "public-key";
  response: AssertionResponse;
}

/** Of `navigator.credentials.create`: a new passkey. All bytes in base64url. */
export interface PasskeyAttestation {
  id: string;
  rawId: string;
  type: "public-key";
  response: AttestationResponse;
}

/** `options` is for `PublicKeyCredential.parse…OptionsFromJSON`. Good for five minutes and one try. */
export interface PasskeyChallenge {
  challenge_id: string;
  options: Record<string, unknown>;
}

export interface PasskeyLogin {
  challenge_id: string;
  credential: PasskeyAssertion;
  mfa_token?: string | null;
}

export interface PasskeyOptions {
  mfa_token?: string | null;
}

export interface PasswordLogin {
  login: string;
  password: string;
}

/** The pinned messages, latest pin first; `next_cursor` where one reply cannot hold all. */
export interface Pins {
  pins: Message[];
  next_cursor: string | null;
}

/** What anybody may know before they sign in. */
export interface Policy {
  registration: "closed" | "domain" | "invite" | "open";
  domains: string[];
  password_min: number;
  password_max: number;
  terms_version: string | null;
  terms_url: string | null;
  minimum_age: number | null;
  sends_mail: boolean;
  providers: Provider[];
  proof_of_work: WorkChallenge | null;
}

/** A place in a room's history. Lower epoch: drop; higher: reload; else compare `rev`. */
export interface Position {
  epoch: number;
  rev: number;
}

export interface Presence {
  user_id: string;
  status: "away" | "dnd" | "invisible" | "offline" | "online";
  text: string | null;
  last_active_at: string | null;
}

/** One for each id asked, in that order; unknown people are offline. */
export interface Presences {
  presences: Presence[];
}

/** A challenge as it was given, and what solves it. */
export interface ProofOfWork {
  challenge: string;
  solution: string;
}

/** Where else one can sign in: `auth.begin_oidc`. */
export interface Provider {
  id: string;
  name: string;
}

/** What a provider gave the browser, after `auth.begin_step_up`. */
export interface ProviderAnswer {
  state: string;
  binding: string;
  code: string;
  iss?: string | null;
}

/** A reaction that came or went, and the message as it is now. */
export interface Reacted {
  message: Message;
  emoji: string;
  user_id: string;
}

export interface Reaction {
  emoji: string;
  count: number;
  user_ids: string[];
}

/** By emoji, in the order of each one's first; `user_ids` in the order of reacting, `count` exact. A page is at most 1,000 users; an emoji with more goes on in the next. */
export interface Reactions {
  reactions: Reaction[];
  next_cursor: string | null;
}

export interface ReadAudit {
  actor_id?: string | null;
  subject_id?: string | null;
  action?: string | null;
  limit?: number;
  cursor?: string | null;
}

export interface Ready {
  user: Me;
  login_id: string;
  node_id: string;
  server_at: string;
  limits: Limits;
}

export interface Reauth {
  access_token: string;
}

/** Shown once; each is good for one sign-in. */
export interface RecoveryCodes {
  recovery_codes: string[];
}

export interface Refresh {
  refresh_token?: string | null;
}

export interface Refreshed {
  tokens: Tokens;
}

export interface Register {
  username: string;
  password: string;
  display_name?: string | null;
  email?: string | null;
  invitation?: string | null;
  accepts_terms?: string | null;
  is_old_enough?: boolean;
  proof_of_work?: ProofOfWork | null;
}

export interface RegisterOidc {
  registration_token: string;
  username: string;
  display_name?: string | null;
  invitation?: string | null;
  accepts_terms?: string | null;
  is_old_enough?: boolean;
}

/** Nobody here yet: `auth.register_oidc` makes the account, within ten minutes. */
export interface RegistrationDue {
  registration_token: string;
  suggested: Suggestion;
}

export interface RemoveIdentity {
  identity_id: string;
}

export interface RemovePasskey {
  passkey_id: string;
}

export interface RenamePasskey {
  passkey_id: string;
  name: string;
}

export interface RequestReset {
  email: string;
}

export interface ResendVerification {
  email: string;
}

export interface ResetPassword {
  token: string;
  password: string;
}

export interface RevokeBotToken {
  bot_id: string;
  token_id: string;
}

export interface RevokeInvitation {
  invitation_id: string;
}

export interface RevokeLogin {
  login_id: string;
}

export interface RevokeToken {
  token_id: string;
}

export interface Room {
  id: string;
  kind: "dm" | "group_dm" | "private" | "public";
  name: string | null;
  topic: string;
  user_ids: string[] | null;
  created_by: string;
  created_at: string;
  archived_at: string | null;
  epoch: number;
  rev: number;
  first_seq: number;
  last_seq: number;
  member_count: number;
  settings: RoomSettings;
}

/** That something happened in a crowded room which the connection does not focus. */
export interface RoomActivity {
  rev: number;
  last_seq: number | null;
  mentioned: boolean;
  sent_seq: number | null;
}

/** The present state of all that changed after `after_rev`: upsert it. */
export interface RoomChanges {
  after_rev: number;
  messages: Message[];
  members: Member[];
  room: Room;
}

export interface RoomInvites {
  room_id: string;
}

export interface RoomRemoved {
  room_id: string;
  reason: "banned" | "left" | "removed";
}

export interface RoomReset {
  room_id: string;
}

/** What moderators set for a room. */
export interface RoomSettings {
  slow_mode_s: number;
  retention_days: number | null;
  who_may_post: "everybody" | "moderators";
  who_may_mention_room: "everybody" | "moderators";
  who_may_pin: "everybody" | "moderators";
  who_may_invite: "everybody" | "moderators" | null;
}

export interface Rooms {
  rooms: Room[];
  next_cursor: string | null;
}

/** Whether a user keeps a message for later; `saved_at` is null once it was removed. */
export interface SavedMark {
  room_id: string;
  message_id: string;
  saved_at: string | null;
}

export interface SavedMessage {
  message: Message;
  saved_at: string;
}

/** Last saved first; without what was deleted since, and rooms that the user has left. */
export interface SavedMessages {
  saved: SavedMessage[];
  next_cursor: string | null;
}

/** Every filter can also be typed in `q`: from:, in:, before:, after:, has:. */
export interface SearchMessages {
  q?: string;
  room_id?: string | null;
  from?: string | null;
  before?: string | null;
  after?: string | null;
  has?: ("link" | "pin" | "reaction" | "thread")[];
  limit?: number;
  cursor?: string | null;
}

export interface SearchUsers {
  q?: string;
  limit?: number;
  cursor?: string | null;
}

/** The password was right and is not enough: `auth.login_totp` or `auth.login_passkey` finish it. */
export interface SecondFactorDue {
  mfa_token: string;
  methods: ("passkey" | "recovery_code" | "totp")[];
}

export interface SendMessage {
  room_id: string;
  id: string;
  text: string;
  thread_id?: string | null;
  reply_to?: string | null;
  file_ids?: string[] | null;
}

export interface SentMessage {
  message: Message;
  duplicate: boolean;
}

export interface SetDraft {
  room_id: string;
  text: string;
  thread_id?: string | null;
}

export interface SetNotify {
  room_id: string;
  notify: "all" | "mentions" | "none";
}

export interface SetPassword {
  password: string;
}

export interface SetPresence {
  status: "away" | "dnd" | "invisible" | "online";
  text?: string | null;
  expires_at?: string | null;
}

export interface SetRole {
  room_id: string;
  user_id: string;
  role: "member" | "moderator" | "owner";
}

export interface SetUserRole {
  user_id: string;
  role: "admin" | "member";
}

/** The settings to change; what is not named stays. */
export interface SettingsChange {
  slow_mode_s?: number;
  retention_days?: number | null;
  who_may_post?: "everybody" | "moderators";
  who_may_mention_room?: "everybody" | "moderators";
  who_may_pin?: "everybody" | "moderators";
  who_may_invite?: "everybody" | "moderators" | null;
}

export interface SignedIn {
  user: User;
  tokens: Tokens;
}

export interface StartedErasure {
  receipt: string;
  erasure: Erasure;
}

/** A password, a code, both, a passkey with its challenge, or the answer of a provider. Where TOTP is on, neither a password nor a provider is enough. */
export interface StepUp {
  password?: string | null;
  code?: string | null;
  challenge_id?: string | null;
  credential?: PasskeyAssertion | null;
  provider?: ProviderAnswer | null;
}

export interface Suggestion {
  username: string;
  display_name: string;
  email: string | null;
}

/** The positions that the client holds, by room; a next page repeats the request with `cursor`. */
export interface Sync {
  rooms?: Record<string, HeldPosition>;
  cursor?: string | null;
  only?: boolean | null;
}

export interface SyncElement {
  room: Room;
  membership: Membership;
  position: Position;
  state: "caught_up" | "current" | "new" | "reset";
  messages: Message[];
  members: Member[];
}

export interface Synced {
  rooms: SyncElement[];
  left: string[];
  next_cursor: string | null;
}

/** A thread as the caller stands to it. */
export interface Thread {
  message: Message;
  last_seq: number;
  read_seq: number;
  unread: number;
  following: boolean;
}

/** How far one user has read a thread, and whether they follow it. */
export interface ThreadMark {
  room_id: string;
  thread_id: string;
  read_seq: number;
  following: boolean;
}

/** Latest reply first. */
export interface Threads {
  threads: Thread[];
  next_cursor: string | null;
}

export interface Tokens {
  access_token: string;
  expires_in_s: number;
  refresh_token: string | null;
}

/** Shown once. `qr_svg` is a whole SVG document that shows `otpauth_url`. */
export interface TotpBegun {
  secret: string;
  otpauth_url: string;
  qr_svg: string;
}

export interface TotpLogin {
  mfa_token: string;
  code: string;
}

export interface Typing {
  room_id: string;
  thread_id?: string | null;
}

export interface TypingChanged {
  user_id: string;
  thread_id: string | null;
  until_at: string | null;
}

/** How a member's count came about: `unread` = `last_seq` - `read_seq` - `own_above`. */
export interface UnreadExplained {
  room_id: string;
  first_seq: number;
  last_seq: number;
  read_seq: number;
  own_above: number;
  own_above_counted: number;
  unread: number;
  mentions: CountedMention[];
  notify: "all" | "mentions" | "none";
  consistent: boolean;
}

/** What is absent stays. */
export interface UpdateBot {
  bot_id: string;
  display_name?: string;
  bio?: string;
}

/** What is absent stays; null clears a locale or time zone. */
export interface UpdateMe {
  display_name?: string;
  bio?: string;
  locale?: string | null;
  timezone?: string | null;
}

export interface UpdateRoom {
  room_id: string;
  name?: string;
  topic?: string;
  settings?: SettingsChange;
}

export interface User {
  id: string;
  username: string;
  display_name: string;
  role: "admin" | "bot" | "member";
  bio: string;
  avatar_file_id: string | null;
  created_at: string | null;
  deactivated: boolean;
}

export interface UserOf {
  user_id: string;
}

/** For `users.get`: those that exist, in the order asked. */
export interface Users {
  users: User[];
  next_cursor: string | null;
}

export interface VerifyEmail {
  token: string;
}

/** A text that a message had before it was edited. */
export interface Version {
  text: string;
  written_at: string;
}

/** Oldest first, without the present text; the oldest are left out where all would not fit. */
export interface Versions {
  versions: Version[];
}

export interface WatchPresence {
  user_ids: string[];
}

/** Find a text so that SHA-256 of `challenge:text`, in UTF-8, begins with so many zero bits. */
export interface WorkChallenge {
  challenge: string;
  bits: number;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below /api/v1; `{fields}` of the request stand in the path. */
  readonly path: string;
}

export interface Commands {
  "admin.deactivate": { request: UserOf; reply: AdminUser };
  "admin.end_logins": { request: UserOf; reply: LoginsEnded };
  "admin.erase": { request: EraseUser; reply: StartedErasure };
  "admin.get_user": { request: UserOf; reply: AdminUser };
  "admin.list_logins": { request: UserOf; reply: LoginSessions };
  "admin.list_users": { request: ListUsers; reply: AdminUsers };
  "admin.reactivate": { request: UserOf; reply: AdminUser };
  "admin.read_audit": { request: ReadAudit; reply: AuditEntries };
  "admin.set_role": { request: SetUserRole; reply: AdminUser };
  "auth.begin_oidc": { request: BeginOidc; reply: OidcBegun };
  "auth.begin_step_up": { request: BeginOidc; reply: OidcBegun };
  "auth.change_password": { request: ChangePassword; reply: Empty };
  "auth.finish_oidc": { request: FinishOidc; reply: OidcReply };
  "auth.get_policy": { request: Empty; reply: Policy };
  "auth.jwks": { request: Empty; reply: Jwks };
  "auth.list_logins": { request: Empty; reply: LoginSessions };
  "auth.login": { request: PasswordLogin; reply: LoginReply };
  "auth.login_passkey": { request: PasskeyLogin; reply: SignedIn };
  "auth.login_totp": { request: TotpLogin; reply: SignedIn };
  "auth.logout": { request: Empty; reply: Empty };
  "auth.passkey_options": { request: PasskeyOptions; reply: PasskeyChallenge };
  "auth.reauth": { request: Reauth; reply: Empty };
  "auth.refresh": { request: Refresh; reply: Refreshed };
  "auth.register": { request: Register; reply: SignedIn };
  "auth.register_oidc": { request: RegisterOidc; reply: SignedIn };
  "auth.request_reset": { request: RequestReset; reply: Empty };
  "auth.resend_verification": { request: ResendVerification; reply: Empty };
  "auth.reset_password": { request: ResetPassword; reply: Empty };
  "auth.revoke_login": { request: RevokeLogin; reply: Empty };
  "auth.revoke_other_logins": { request: Empty; reply: LoginsEnded };
  "auth.set_password": { request: SetPassword; reply: Empty };
  "auth.step_up": { request: StepUp; reply: Empty };
  "auth.verify_email": { request: VerifyEmail; reply: Empty };
  "bots.create": { request: CreateBot; reply: User };
  "bots.create_token": { request: CreateBotToken; reply: NewToken };
  "bots.delete": { request: OneBot; reply: Empty };
  "bots.list": { request: Empty; reply: Bots };
  "bots.list_tokens": { request: OneBot; reply: ApiTokens };
  "bots.revoke_token": { request: RevokeBotToken; reply: Empty };
  "bots.update": { request: UpdateBot; reply: User };
  "consents.accept": { request: AcceptConsent; reply: Consents };
  "consents.list": { request: Empty; reply: Consents };
  "drafts.list": { request: ListDrafts; reply: Drafts };
  "drafts.set": { request: SetDraft; reply: Draft };
  "factors.add_passkey": { request: AddPasskey; reply: Passkey };
  "factors.begin_passkey": { request: Empty; reply: PasskeyChallenge };
  "factors.begin_totp": { request: Empty; reply: TotpBegun };
  "factors.confirm_totp": { request: ConfirmTotp; reply: RecoveryCodes };
  "factors.list": { request: Empty; reply: Factors };
  "factors.remove_passkey": { request: RemovePasskey; reply: Empty };
  "factors.remove_totp": { request: Empty; reply: Empty };
  "factors.rename_passkey": { request: RenamePasskey; reply: Passkey };
  "factors.renew_recovery_codes": { request: Empty; reply: RecoveryCodes };
  "identities.add": { request: FinishOidc; reply: Identity };
  "identities.begin": { request: BeginOidc; reply: OidcBegun };
  "identities.link": { request: LinkIdentity; reply: Identity };
  "identities.list": { request: Empty; reply: Identities };
  "identities.remove": { request: RemoveIdentity; reply: Empty };
  "invitations.create": { request: CreateInvitation; reply: NewInvitation };
  "invitations.list": { request: Empty; reply: Invitations };
  "invitations.revoke": { request: RevokeInvitation; reply: Empty };
  "invites.accept": { request: HeldInvite; reply: Membership };
  "invites.create": { request: CreateInvite; reply: Invite };
  "invites.list": { request: RoomInvites; reply: Invites };
  "invites.preview": { request: HeldInvite; reply: InvitePreview };
  "invites.revoke": { request: OneInvite; reply: Empty };
  "members.add": { request: AddMembers; reply: Members };
  "members.ban": { request: OneMember; reply: Empty };
  "members.bans": { request: ListMembers; reply: Bans };
  "members.list": { request: ListMembers; reply: Members };
  "members.remove": { request: OneMember; reply: Empty };
  "members.set_role": { request: SetRole; reply: Member };
  "members.unban": { request: OneMember; reply: Empty };
  "messages.changes": { request: GetChanges; reply: Changes };
  "messages.delete": { request: OneMessage; reply: Message };
  "messages.edit": { request: EditMessage; reply: Message };
  "messages.get": { request: OneMessage; reply: Message };
  "messages.history": { request: OneMessage; reply: Versions };
  "messages.list": { request: ListMessages; reply: Messages };
  "messages.search": { request: SearchMessages; reply: Hits };
  "messages.send": { request: SendMessage; reply: SentMessage };
  "pins.add": { request: OneMessage; reply: Empty };
  "pins.list": { request: ListPins; reply: Pins };
  "pins.remove": { request: OneMessage; reply: Empty };
  "presence.get": { request: GetPresence; reply: Presences };
  "presence.set": { request: SetPresence; reply: Presence };
  "presence.unwatch": { request: WatchPresence; reply: Empty };
  "presence.watch": { request: WatchPresence; reply: Presences };
  "privacy.delete_export": { request: OneExport; reply: Empty };
  "privacy.erase_me": { request: EraseMe; reply: StartedErasure };
  "privacy.get_erasure": { request: HeldReceipt; reply: Erasure };
  "privacy.list_exports": { request: Empty; reply: Exports };
  "privacy.request_export": { request: Empty; reply: Export };
  "reactions.add": { request: OneReaction; reply: Empty };
  "reactions.list": { request: ListReactions; reply: Reactions };
  "reactions.remove": { request: OneReaction; reply: Empty };
  "read.mark": { request: MarkRead; reply: Membership };
  "rooms.archive": { request: OneRoom; reply: Room };
  "rooms.browse": { request: BrowseRooms; reply: Rooms };
  "rooms.create": { request: CreateRoom; reply: Room };
  "rooms.explain_unread": { request: OneRoom; reply: UnreadExplained };
  "rooms.focus": { request: FocusRooms; reply: Empty };
  "rooms.get": { request: OneRoom; reply: Room };
  "rooms.join": { request: OneRoom; reply: Membership };
  "rooms.leave": { request: OneRoom; reply: Empty };
  "rooms.list": { request: ListRooms; reply: OwnRooms };
  "rooms.open_dm": { request: OpenDm; reply: Room };
  "rooms.set_notify": { request: SetNotify; reply: Membership };
  "rooms.update": { request: UpdateRoom; reply: Room };
  "saved.add": { request: OneMessage; reply: SavedMark };
  "saved.list": { request: ListSaved; reply: SavedMessages };
  "saved.remove": { request: OneMessage; reply: SavedMark };
  "sync": { request: Sync; reply: Synced };
  "threads.follow": { request: OneMessage; reply: ThreadMark };
  "threads.list": { request: ListThreads; reply: Threads };
  "threads.unfollow": { request: OneMessage; reply: ThreadMark };
  "tokens.create": { request: CreateToken; reply: NewToken };
  "tokens.list": { request: Empty; reply: ApiTokens };
  "tokens.revoke": { request: RevokeToken; reply: Empty };
  "typing.start": { request: Typing; reply: Empty };
  "typing.stop": { request: Typing; reply: Empty };
  "users.change_email": { request: ChangeEmail; reply: Empty };
  "users.get": { request: GetUsers; reply: Users };
  "users.me": { request: Empty; reply: Me };
  "users.search": { request: SearchUsers; reply: Users };
  "users.update_me": { request: UpdateMe; reply: Me };
}

export interface Events {
  "ready": Ready;
  "draining": Draining;
  "message.created": Message;
  "message.updated": Message;
  "message.deleted": Message;
  "message.pinned": Message;
  "message.unpinned": Message;
  "reaction.added": Reacted;
  "reaction.removed": Reacted;
  "member.joined": Member;
  "member.left": Member;
  "member.updated": Member;
  "room.updated": Room;
  "room.archived": Room;
  "room.changes": RoomChanges;
  "room.added": SyncElement;
  "room.removed": RoomRemoved;
  "read.updated": Membership;
  "thread.updated": ThreadMark;
  "draft.updated": Draft;
  "saved.updated": SavedMark;
  "room.reset": RoomReset;
  "room.activity": RoomActivity;
  "typing.changed": TypingChanged;
  "presence.changed": Presence;
  "export.ready": Export;
}

export type Op = keyof Commands;
export type EventName = keyof Events;

/** Null: the command has no REST door. */
export const routes: Record<Op, Route | null> = {
  "admin.deactivate": { method: "POST", path: "/admin/users/{user_id}/deactivate" },
  "admin.end_logins": { method: "DELETE", path: "/admin/users/{user_id}/logins" },
  "admin.erase": { method: "POST", path: "/admin/users/{user_id}/erasure" },
  "admin.get_user": { method: "GET", path: "/admin/users/{user_id}" },
  "admin.list_logins": { method: "GET", path: "/admin/users/{user_id}/logins" },
  "admin.list_users": { method: "GET", path: "/admin/users" },
  "admin.reactivate": { method: "POST", path: "/admin/users/{user_id}/reactivate" },
  "admin.read_audit": { method: "GET", path: "/admin/audit" },
  "admin.set_role": { method: "PUT", path: "/admin/users/{user_id}/role" },
  "auth.begin_oidc": { method: "POST", path: "/auth/oidc/{provider_id}" },
  "auth.begin_step_up": { method: "POST", path: "/auth/step_up/{provider_id}" },
  "auth.change_password": { method: "POST", path: "/auth/password" },
  "auth.finish_oidc": { method: "POST", path: "/auth/oidc" },
  "auth.get_policy": { method: "GET", path: "/auth/policy" },
  "auth.jwks": { method: "GET", path: "/auth/jwks" },
  "auth.list_logins": { method: "GET", path: "/auth/logins" },
  "auth.login": { method: "POST", path: "/auth/login" },
  "auth.login_passkey": { method: "POST", path: "/auth/login/passkey" },
  "auth.login_totp": { method: "POST", path: "/auth/login/totp" },
  "auth.logout": { method: "POST", path: "/auth/logout" },
  "auth.passkey_options": { method: "POST", path: "/auth/passkey/options" },
  "auth.reauth": null,
  "auth.refresh": { method: "POST", path: "/auth/refresh" },
  "auth.register": { method: "POST", path: "/auth/register" },
  "auth.register_oidc": { method: "POST", path: "/auth/oidc/register" },
  "auth.request_reset": { method: "POST", path: "/auth/request-reset" },
  "auth.resend_verification": { method: "POST", path: "/auth/resend-verification" },
  "auth.reset_password": { method: "POST", path: "/auth/reset-password" },
  "auth.revoke_login": { method: "DELETE", path: "/auth/logins/{login_id}" },
  "auth.revoke_other_logins": { method: "POST", path: "/auth/logins/revoke-others" },
  "auth.set_password": { method: "PUT", path: "/auth/password" },
  "auth.step_up": { method: "POST", path: "/auth/step_up" },
  "auth.verify_email": { method: "POST", path: "/auth/verify-email" },
  "bots.create": { method: "POST", path: "/bots" },
  "bots.create_token": { method: "POST", path: "/bots/{bot_id}/tokens" },
  "bots.delete": { method: "DELETE", path: "/bots/{bot_id}" },
  "bots.list": { method: "GET", path: "/bots" },
  "bots.list_tokens": { method: "GET", path: "/bots/{bot_id}/tokens" },
  "bots.revoke_token": { method: "DELETE", path: "/bots/{bot_id}/tokens/{token_id}" },
  "bots.update": { method: "PATCH", path: "/bots/{bot_id}" },
  "consents.accept": { method: "POST", path: "/consents" },
  "consents.list": { method: "GET", path: "/consents" },
  "drafts.list": { method: "GET", path: "/drafts" },
  "drafts.set": { method: "PUT", path: "/rooms/{room_id}/draft" },
  "factors.add_passkey": { method: "POST", path: "/auth/factors/passkeys" },
  "factors.begin_passkey": { method: "POST", path: "/auth/factors/passkeys/options" },
  "factors.begin_totp": { method: "POST", path: "/auth/factors/totp" },
  "factors.confirm_totp": { method: "POST", path: "/auth/factors/totp/confirm" },
  "factors.list": { method: "GET", path: "/auth/factors" },
  "factors.remove_passkey": { method: "DELETE", path: "/auth/factors/passkeys/{passkey_id}" },
  "factors.remove_totp": { method: "DELETE", path: "/auth/factors/totp" },
  "factors.rename_passkey": { method: "PATCH", path: "/auth/factors/passkeys/{passkey_id}" },
  "factors.renew_recovery_codes": { method: "POST", path: "/auth/factors/recovery_codes" },
  "identities.add": { method: "POST", path: "/users/me/identities/add" },
  "identities.begin": { method: "POST", path: "/users/me/identities/{provider_id}/begin" },
  "identities.link": { method: "POST", path: "/users/me/identities" },
  "identities.list": { method: "GET", path: "/users/me/identities" },
  "identities.remove": { method: "DELETE", path: "/users/me/identities/{identity_id}" },
  "invitations.create": { method: "POST", path: "/invitations" },
  "invitations.list": { method: "GET", path: "/invitations" },
  "invitations.revoke": { method: "DELETE", path: "/invitations/{invitation_id}" },
  "invites.accept": { method: "POST", path: "/invites/accept" },
  "invites.create": { method: "POST", path: "/rooms/{room_id}/invites" },
  "invites.list": { method: "GET", path: "/rooms/{room_id}/invites" },
  "invites.preview": { method: "POST", path: "/invites/preview" },
  "invites.revoke": { method: "DELETE", path: "/rooms/{room_id}/invites/{invite_id}" },
  "members.add": { method: "POST", path: "/rooms/{room_id}/members" },
  "members.ban": { method: "PUT", path: "/rooms/{room_id}/bans/{user_id}" },
  "members.bans": { method: "GET", path: "/rooms/{room_id}/bans" },
  "members.list": { method: "GET", path: "/rooms/{room_id}/members" },
  "members.remove": { method: "DELETE", path: "/rooms/{room_id}/members/{user_id}" },
  "members.set_role": { method: "PATCH", path: "/rooms/{room_id}/members/{user_id}" },
  "members.unban": { method: "DELETE", path: "/rooms/{room_id}/bans/{user_id}" },
  "messages.changes": { method: "GET", path: "/rooms/{room_id}/changes" },
  "messages.delete": { method: "DELETE", path: "/rooms/{room_id}/messages/{message_id}" },
  "messages.edit": { method: "PATCH", path: "/rooms/{room_id}/messages/{message_id}" },
  "messages.get": { method: "GET", path: "/rooms/{room_id}/messages/{message_id}" },
  "messages.history": { method: "GET", path: "/rooms/{room_id}/messages/{message_id}/history" },
  "messages.list": { method: "GET", path: "/rooms/{room_id}/messages" },
  "messages.search": { method: "GET", path: "/search" },
  "messages.send": { method: "POST", path: "/rooms/{room_id}/messages" },
  "pins.add": { method: "PUT", path: "/rooms/{room_id}/messages/{message_id}/pin" },
  "pins.list": { method: "GET", path: "/rooms/{room_id}/pins" },
  "pins.remove": { method: "DELETE", path: "/rooms/{room_id}/messages/{message_id}/pin" },
  "presence.get": { method: "GET", path: "/presence" },
  "presence.set": { method: "PUT", path: "/presence" },
  "presence.unwatch": null,
  "presence.watch": null,
  "privacy.delete_export": { method: "DELETE", path: "/users/me/exports/{export_id}" },
  "privacy.erase_me": { method: "POST", path: "/users/me/erasure" },
  "privacy.get_erasure": { method: "GET", path: "/erasures/{receipt}" },
  "privacy.list_exports": { method: "GET", path: "/users/me/exports" },
  "privacy.request_export": { method: "POST", path: "/users/me/exports" },
  "reactions.add": { method: "PUT", path: "/rooms/{room_id}/messages/{message_id}/reactions/{emoji}" },
  "reactions.list": { method: "GET", path: "/rooms/{room_id}/messages/{message_id}/reactions" },
  "reactions.remove": { method: "DELETE", path: "/rooms/{room_id}/messages/{message_id}/reactions/{emoji}" },
  "read.mark": { method: "POST", path: "/rooms/{room_id}/read" },
  "rooms.archive": { method: "POST", path: "/rooms/{room_id}/archive" },
  "rooms.browse": { method: "GET", path: "/rooms/public" },
  "rooms.create": { method: "POST", path: "/rooms" },
  "rooms.explain_unread": { method: "GET", path: "/rooms/{room_id}/unread" },
  "rooms.focus": null,
  "rooms.get": { method: "GET", path: "/rooms/{room_id}" },
  "rooms.join": { method: "POST", path: "/rooms/{room_id}/join" },
  "rooms.leave": { method: "POST", path: "/rooms/{room_id}/leave" },
  "rooms.list": { method: "GET", path: "/rooms" },
  "rooms.open_dm": { method: "POST", path: "/dms" },
  "rooms.set_notify": { method: "PUT", path: "/rooms/{room_id}/notify" },
  "rooms.update": { method: "PATCH", path: "/rooms/{room_id}" },
  "saved.add": { method: "PUT", path: "/rooms/{room_id}/messages/{message_id}/saved" },
  "saved.list": { method: "GET", path: "/saved" },
  "saved.remove": { method: "DELETE", path: "/rooms/{room_id}/messages/{message_id}/saved" },
  "sync": null,
  "threads.follow": { method: "PUT", path: "/rooms/{room_id}/messages/{message_id}/follow" },
  "threads.list": { method: "GET", path: "/threads" },
  "threads.unfollow": { method: "DELETE", path: "/rooms/{room_id}/messages/{message_id}/follow" },
  "tokens.create": { method: "POST", path: "/tokens" },
  "tokens.list": { method: "GET", path: "/tokens" },
  "tokens.revoke": { method: "DELETE", path: "/tokens/{token_id}" },
  "typing.start": null,
  "typing.stop": null,
  "users.change_email": { method: "POST", path: "/users/me/email" },
  "users.get": { method: "GET", path: "/users" },
  "users.me": { method: "GET", path: "/users/me" },
  "users.search": { method: "GET", path: "/users/search" },
  "users.update_me": { method: "PATCH", path: "/users/me" },
};

/** Anybody may call these: no token goes along. */
export const publicOps: ReadonlySet<Op> = new Set<Op>([
  "auth.begin_oidc",
  "auth.finish_oidc",
  "auth.get_policy",
  "auth.jwks",
  "auth.login",
  "auth.login_passkey",
  "auth.login_totp",
  "auth.passkey_options",
  "auth.refresh",
  "auth.register",
  "auth.register_oidc",
  "auth.request_reset",
  "auth.resend_verification",
  "auth.reset_password",
  "auth.verify_email",
  "privacy.get_erasure",
]);

/** The socket does not take these. */
export const restOnlyOps: ReadonlySet<Op> = new Set<Op>([
  "admin.deactivate",
  "admin.end_logins",
  "admin.erase",
  "admin.get_user",
  "admin.list_logins",
  "admin.list_users",
  "admin.reactivate",
  "admin.read_audit",
  "admin.set_role",
  "auth.begin_oidc",
  "auth.finish_oidc",
  "auth.get_policy",
  "auth.jwks",
  "auth.login",
  "auth.login_passkey",
  "auth.login_totp",
  "auth.passkey_options",
  "auth.refresh",
  "auth.register",
  "auth.register_oidc",
  "auth.request_reset",
  "auth.resend_verification",
  "auth.reset_password",
  "auth.verify_email",
]);

export const errors: Record<ErrorCode, { status: number; isRetryable: boolean }> = {
  invalid_input: { status: 422, isRetryable: false },
  bad_frame: { status: 400, isRetryable: false },
  unknown_op: { status: 400, isRetryable: false },
  unauthenticated: { status: 401, isRetryable: false },
  token_expired: { status: 401, isRetryable: false },
  mfa_failed: { status: 401, isRetryable: false },
  forbidden: { status: 403, isRetryable: false },
  not_found: { status: 404, isRetryable: false },
  conflict: { status: 409, isRetryable: false },
  too_large: { status: 413, isRetryable: false },
  rate_limited: { status: 429, isRetryable: true },
  unavailable: { status: 503, isRetryable: true },
  timeout: { status: 504, isRetryable: true },
  internal: { status: 500, isRetryable: true },
};

/** 4000-4499: reconnect. 4500-4999: do not. */
export const closeCodes = {
  normal: 1000,
  going_away: 1001,
  unsupported_data: 1003,
  invalid_data: 1007,
  too_big: 1009,
  draining: 1012,
  internal: 4000,
  slow_consumer: 4002,
  token_expired: 4003,
  rate_limited: 4004,
  login_ended: 4500,
  protocol_violation: 4501,
  too_many_connections: 4502,
  deactivated: 4503,
} as const;
