import { type Static, Type } from 'typebox'
import { MeshIp, NodeId, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** `opening`: the node has not said that it is ready. `open`: it is, or a client is connected. */
export const SessionState = Type.Enum(['opening', 'open', 'closed'])
export type SessionState = Static<typeof SessionState>

/**
 * Why a session has ended. `refused`: the node would not open it. `lost`: its end was never reported, and it has expired since.
 */
export const closeReasons = [
  'revoked',
  'expired',
  'idle',
  'shutdown',
  'error',
  'client_closed',
  'refused',
  'lost',
] as const
export type CloseReason = (typeof closeReasons)[number]

/** How the client reaches the node: spliced by the control plane, or at the node's mesh address. */
export const SessionWay = Type.Enum(['relay', 'mesh'])
export type SessionWay = Static<typeof SessionWay>

/** `host:port`; the host may be `*` for any, the port too. Names are resolved on the node. */
const ForwardTarget = Type.String({
  minLength: 3,
  maxLength: 300,
  pattern: '^(\\*|\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):(\\*|[0-9]{1,5})$',
  examples: ['127.0.0.1:5432', '*:443'],
})

/** The name of a user of a machine, as useradd(8) takes it. */
const LoginName = Type.String({
  minLength: 1,
  maxLength: 32,
  pattern: '^[a-z_][a-z0-9_-]*\\$?$',
  examples: ['deploy'],
})

/** An OpenSSH public key without its comment: `ssh-ed25519 AAAA...`. */
export const SshPublicKey = Type.String({
  maxLength: 1_024,
  pattern: '^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$',
})

/** Actions by a pattern: `*`, `ns.*`, `hooks/*`, or the name of one. */
const ActionPattern = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: '^(\\*|[A-Za-z0-9_][A-Za-z0-9._/-]*?([./]\\*)?)$',
  examples: ['*', 'mesh.*', 'hooks/*', 'service.restart'],
})

/** What an operator asks for. */
export const SessionSpec = Type.Object({
  node: Type.String({ minLength: 1, maxLength: 253 }),
  login: LoginName,
  public_key: SshPublicKey,
  way: SessionWay,
  ttl: Type.Optional(
    Type.String({ description: 'Go duration from "1s" to `session_ms`; "1h" when absent' }),
  ),
  idle_timeout: Type.Optional(
    Type.String({
      description:
        'Go duration, after which it ends if nothing is sent; `session_idle_ms` when absent',
    }),
  ),
  forward: Type.Optional(
    Type.Array(ForwardTarget, {
      maxItems: 64,
      description: 'To where it may forward; nowhere when absent',
    }),
  ),
  shell: Type.Optional(
    Type.Boolean({
      description: 'Whether a shell, commands and files are allowed; true when absent',
    }),
  ),
  actions: Type.Optional(
    Type.Array(ActionPattern, {
      maxItems: 256,
      description: 'What programs in it may run by the Local Node API; none when absent',
    }),
  ),
  record: Type.Optional(Type.Boolean({ description: 'true when absent' })),
  record_input: Type.Optional(
    Type.Boolean({ description: 'Also what the client types; false when absent' }),
  ),
})
export type SessionSpec = Static<typeof SessionSpec>

/** What is recorded, and the key that it is encrypted with: AES-256, base64, for this one recording. */
export const RecordingSetup = Type.Object({
  key: Type.String({ minLength: 44, maxLength: 44 }),
  input: Type.Boolean({ description: 'Also what the client types' }),
})
export type RecordingSetup = Static<typeof RecordingSetup>

/** Our extension of `ssh_session_setup`: how our agent runs the session. What it allows is in the session token. */
export const SessionSetup = Type.Object({
  way: SessionWay,
  /** Absent: the session is not recorded. */
  recording: Type.Optional(RecordingSetup),
  idle_timeout: Type.String({ description: 'A Go duration' }),
})
export type SessionSetup = Static<typeof SessionSetup>

/**
 * The claims of a session token: a JWT (RFC 7519), signed with EdDSA by the signing key of the control plane. `sub` is the id of the
 * operator; `iat` and `exp` are seconds.
 */
export const SessionClaims = Type.Object({
  iss: Type.Literal('plexsphere'),
  sub: Type.String({ minLength: 1 }),
  email: Type.String(),
  name: Type.String({ description: "The operator's name" }),
  node_id: NodeId,
  session_id: Type.String({ minLength: 1, maxLength: 64 }),
  /** The actions that programs in it may run: `*`, `ns.*`, `hooks/*`, or a name. */
  actions: Type.Array(Type.String(), { maxItems: 256 }),
  login: LoginName,
  /** The targets of forwards. */
  forward: Type.Array(ForwardTarget, { maxItems: 64 }),
  /** Whether a shell, commands and files are allowed; else only forwards. */
  shell: Type.Boolean(),
  recorded: Type.Boolean(),
  iat: WholeNumber,
  exp: WholeNumber,
})
export type SessionClaims = Static<typeof SessionClaims>

/** What operators see of a session. */
export const Session = Type.Object({
  id: Type.String(),
  node: Type.String({ description: 'The hostname' }),
  node_id: NodeId,
  state: SessionState,
  way: SessionWay,
  login: Type.String(),
  user_id: Type.String(),
  user_name: Type.String(),
  actions: Type.Array(Type.String()),
  forward: Type.Array(Type.String()),
  shell: Type.Boolean(),
  opened_at: Timestamp,
  expires_at: Timestamp,
  closed_at: Type.Union([Timestamp, Type.Null()]),
  reason: Type.Union([Type.Enum([...closeReasons]), Type.Null()]),
  detail: Type.String({ description: 'More about the reason, or empty' }),
  duration: Type.Union([Type.String(), Type.Null()]),
  bytes_in: Type.Union([WholeNumber, Type.Null()], { description: 'From the client' }),
  bytes_out: Type.Union([WholeNumber, Type.Null()], { description: 'To the client' }),
  /** `recording`: not complete yet. `expired`: retention has removed it. */
  recording: Type.Enum(['none', 'recording', 'complete', 'expired']),
  listen_addr: Type.Union([Type.String(), Type.Null()]),
})
export type Session = Static<typeof Session>

/** What the operator who opened one needs to connect. */
export const OpenedSession = Type.Object({
  session: Session,
  host_key: Type.Union([SshPublicKey, Type.Null()], {
    description:
      'Of the SSH server of the node; null for a Go node, which only leads to its port 22',
  }),
  node_mesh_ip: MeshIp,
})
export type OpenedSession = Static<typeof OpenedSession>

/** How a node says that it runs sessions; announced with its capabilities. */
export const SessionSupport = Type.Object({
  /** The Ed25519 key of its SSH server. */
  host_key: SshPublicKey,
  max_sessions: WholeNumber,
})
export type SessionSupport = Static<typeof SessionSupport>

/** What the node itself knows of a session that has not ended. */
export const NodeSession = Type.Object({
  id: Type.String(),
  /** `waiting`: for its client. */
  state: Type.Enum(['waiting', 'connected', 'closing']),
  way: SessionWay,
  login: Type.String(),
  user_id: Type.String(),
  user_name: Type.String(),
  opened_at: Timestamp,
  expires_at: Timestamp,
  /** Where it is waited for; empty until then. */
  listen_addr: Type.String(),
  /** Where its client comes from; empty without one. */
  from: Type.String(),
  recorded: Type.Boolean(),
})
export type NodeSession = Static<typeof NodeSession>

/** The sessions of a node, and how many it allows; the reason if it opens none. */
export const NodeSessions = Type.Object({
  items: Type.Array(NodeSession),
  max_sessions: WholeNumber,
  reason: Type.String(),
})
export type NodeSessions = Static<typeof NodeSessions>
