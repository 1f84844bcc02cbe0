import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

/** What a machine needs to enrol, and nothing else. */
export const Join = Type.Object(
  {
    /** `https://HOST[:PORT]` of the control plane. */
    url: Type.String({ minLength: 1, maxLength: 2_048 }),
    /** The bootstrap token. */
    token: Type.String({ minLength: 1, maxLength: 512 }),
    /** Of the authority that signed the server's certificate; absent if the system's authorities did. */
    ca: Type.Optional(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })),
  },
  { additionalProperties: false },
)
export type Join = Static<typeof Join>

const head = 'plexd-join-'
const version = '1'
/** Longer than any that `formatJoin` makes. */
export const maxJoinBytes = 8_192

/**
 * One word to copy: `plexd-join-1.`, the JSON in base64url, a dot, and its CRC-32 in hex, by which a word that was copied
 * badly is told from a token that is not valid.
 */
export function formatJoin({ url, token, ca }: Join): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ url, token, ca }))
  const text = bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
  return `${head}${version}.${text}.${checksum(bytes)}`
}

const isJoinString = (text: string): boolean => text.startsWith(head)

/** Throws a RangeError that says what is wrong and never repeats the text, as it holds a token. */
export function readJoin(text: string): Join {
  const given = text.trim()
  const [kind = '', body = ''] = given.split('.', 2)
  if (!isJoinString(kind)) throw fault(`want one word that begins with "${head}${version}."`)
  if (kind !== head + version)
    throw new RangeError(
      `read join string: it is of version "${kind.slice(head.length, head.length + 8)}", and this program knows ${version}: upgrade it`,
    )
  const join = given.length > maxJoinBytes ? undefined : parse(body)
  // There is one way to write each, so any difference is damage.
  if (!Check(Join, join) || formatJoin(join) !== given) throw fault('it is damaged or not whole')
  return join
}

function parse(body: string): unknown {
  try {
    return JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(body, { alphabet: 'base64url' })),
    )
  } catch {
    return undefined
  }
}

function fault(why: string): RangeError {
  return new RangeError(
    `read join string: ${why}: copy it again, as "plexctl token create --join" printed it`,
  )
}

/** CRC-32 as in gzip (RFC 1952, section 8), in hex. */
function checksum(bytes: Uint8Array): string {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (~crc >>> 0).toString(16).padStart(8, '0')
}
