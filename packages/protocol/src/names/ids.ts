/** An id is a prefix for its kind and 80 random bits: `n_` node, `pol_` policy, `exec_` execution, `evt_` event. */
const prefixes = {
  node: 'n_',
  tenant: 'ten_',
  policy: 'pol_',
  execution: 'exec_',
  /** An execution that a user of the node asked for. */
  local_execution: 'local_',
  run: 'run_',
  schedule: 'sch_',
  session: 'ses_',
  event: 'evt_',
  alert: 'alr_',
  alert_silence: 'sil_',
  alert_webhook: 'whk_',
  /** What a webhook is sent. */
  alert_message: 'msg_',
  token: 'tok_',
  entry: 'ent_',
  signing_key: 'key_',
  authority: 'auth_',
} as const

/** Whether a text is an id, even of a node that does not exist: no hostname contains an underscore. */
export function isNodeId(text: string): boolean {
  return text.startsWith(prefixes.node)
}

export type IdKind = keyof typeof prefixes

// Crockford's base32: no letters that look alike, safe in a path, a label and a file name.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

export function newId(kind: IdKind): string {
  return prefixes[kind] + randomText(16)
}

/** The bootstrap token that a new node presents once; 160 random bits after the specification's prefix. */
export const newBootstrapToken = (): string => `plx_enroll_${randomText(32)}`
/** The bearer token of an enrolled node. */
export const newNodeToken = (): string => `plx_node_${randomText(32)}`
/** The bearer token of an operator. */
export const newAdminToken = (): string => `plx_admin_${randomText(32)}`

function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => alphabet[byte & 31]).join('')
}
