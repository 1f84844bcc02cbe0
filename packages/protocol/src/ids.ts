/** Ids are a prefix that names the kind and 80 random bits: `n_` node, `pol_` policy, `exec_` execution, `evt_` event. */
const prefixes = {
  node: 'n_',
  tenant: 'ten_',
  policy: 'pol_',
  execution: 'exec_',
  event: 'evt_',
  token: 'tok_',
  entry: 'ent_',
  signing_key: 'key_',
} as const

/** A text of this form is only ever an id, also where no such node is: the underscore is in no hostname. */
export function isNodeId(text: string): boolean {
  return text.startsWith(prefixes.node)
}

export type IdKind = keyof typeof prefixes

// Crockford's base32: no letters that read alike, safe in a path, a label and a file name.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

export function newId(kind: IdKind): string {
  return prefixes[kind] + randomText(16)
}

/** The token a new node shows once; 160 random bits behind the seed's prefix. */
export const newBootstrapToken = (): string => `plx_enroll_${randomText(32)}`
/** The bearer token of an enrolled node. */
export const newNodeToken = (): string => `plx_node_${randomText(32)}`
/** The bearer token of an operator. */
export const newAdminToken = (): string => `plx_admin_${randomText(32)}`

function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => alphabet[byte & 31]).join('')
}
