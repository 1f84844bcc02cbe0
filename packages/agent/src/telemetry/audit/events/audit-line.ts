/** Reads what the kernel, auditd and its plugins say of an event, one line of several. Pure. */

export interface AuditLine {
  type: string
  timeMs: number
  /** The same in all lines of an event; from one event to the next it grows by one. */
  serial: number
  /** What is said: `key=value`, separated by spaces. */
  text: string
}

/** The kernel ends a line at 8,970 bytes; auditd may append what its numbers mean. */
const maxText = 16 * 1024

/** As auditd writes it: `type=SYSCALL msg=audit(1700000000.123:45): ...`, after `node=...` if it is told to. Undefined for anything else. */
export function parseLine(line: string): AuditLine | undefined {
  const [, type, message] = /^(?:node=\S+ )?type=([\w[\]-]{1,64}) msg=(.*)$/s.exec(line) ?? []
  return type === undefined || message === undefined ? undefined : parseMessage(type, message)
}

/** As the kernel sends it: `audit(1700000000.123:45): ...`. */
export function parseMessage(type: string, message: string): AuditLine | undefined {
  // Ten digits of seconds reach to the year 2286, ten of the serial beyond 32 bits.
  const [head, seconds, thousandths, serial] =
    /^audit\((\d{1,10})\.(\d{3}):(\d{1,10})\):/.exec(message) ?? []
  if (head === undefined) return undefined
  const timeMs = Number(seconds) * 1_000 + Number(thousandths)
  // auditd puts a group separator before what it has appended.
  const said = message.slice(head.length, head.length + maxText)
  const text = said.replaceAll('\x1d', ' ').replaceAll('\0', '\ufffd').trim()
  return { type, timeMs, serial: Number(serial), text }
}

/** As auditd writes it. */
export function formatLine({ type, timeMs, serial, text }: AuditLine): string {
  return `type=${type} msg=audit(${(timeMs / 1_000).toFixed(3)}:${serial}): ${text}`
}

/** The values of a line by their keys, decoded. Of a key that is there twice the first counts: the kernel writes before programs do. */
export function fieldsOf({ type, text }: AuditLine): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [, key = '', given = ''] of text.matchAll(pairs)) {
    const value = decodeValue(type, key, given)
    if (value !== undefined && !fields.has(key)) fields.set(key, value)
  }
  return fields
}

/** The same text, with what was encoded as hex in quotes instead, so that people can read it and secrets in it are found. */
export function decodeText({ type, text }: AuditLine): string {
  return text.replaceAll(pairs, (pair, key: string, given: string) => {
    if (!isHex(type, key, given)) return pair
    return `${key}=${JSON.stringify(decodeValue(type, key, given) ?? '')}`
  })
}

/** A message of a program is in single quotes and has pairs inside, of which the first may follow the quote. */
const pairs = /([A-Za-z_][\w-]{0,63}(?:\[\d{1,6}\])?)=(?!')("[^"]*"|[^\s"',]+(?:,[^\s"',]+)*)/g

/** Undefined for what is not known. */
function decodeValue(type: string, key: string, given: string): string | undefined {
  if (given === '?' || given === '(null)' || given === '"?"') return undefined
  if (given.startsWith('"')) return clean(given.slice(1, -1))
  return isHex(type, key, given) ? clean(Buffer.from(given, 'hex').toString('utf8')) : given
}

/** Values that a program chooses are in quotes, or hex if they contain what could be mistaken. */
function isHex(type: string, key: string, given: string): boolean {
  const isArgument = type === 'EXECVE' && /^a\d+(\[\d+\])?$/.test(key)
  return (isArgument || chosenKeys.has(key)) && /^(?:[0-9A-F]{2})+$/.test(given)
}

const chosenKeys: ReadonlySet<string> = new Set(
  'acct cmd comm cwd data dir exe key name new_name old_name path proctitle sw unit vm watch'.split(
    ' ',
  ),
)

/** Zero bytes separate arguments, and \x01 the keys of rules; what is not UTF-8 is U+FFFD. */
function clean(text: string): string {
  return text.replace(/\0+$/, '').replaceAll('\0', ' ')
}
