import { describeError } from '../log/log.ts'
import { cutUtf8 } from '../text/cut-utf8.ts'
import { countMarks, type Gate } from './gate.ts'

/** A file of a bundle. */
export interface Part {
  /** Its name, which says whether it is JSON. */
  file: string
  /** What it shows, for people. */
  about: string
  /** A text, or a value for JSON. It is given up after `timeoutMs`, ten seconds by default. */
  read(signal: AbortSignal): unknown
  timeoutMs?: number
}

/** A part as it stands in the bundle. */
export interface ReadPart {
  text: string
  facts: PartFacts
}

export interface PartFacts {
  file: string
  about: string
  bytes: number
  /** How often something was left out as a secret. */
  redacted: number
  /** Why it is missing. */
  error?: string
  /** How many bytes it had before its end was cut off. */
  cut_from?: number
}

/** So that all parts together fit into memory, whatever a part holds. */
const maxPartBytes = 4 * 1024 ** 2

/** Never rejects: a part that fails, or takes too long, is its error. */
export async function readPart(part: Part, gate: Gate): Promise<ReadPart> {
  const { file, about } = part
  try {
    const whole = gate(textOf(file, await inTime(part)))
    const bytes = Buffer.byteLength(whole)
    const isCut = bytes > maxPartBytes
    const text = isCut
      ? `${cutUtf8(whole, maxPartBytes)}\n[cut off: it had ${bytes} bytes]\n`
      : whole
    const cut = isCut ? { cut_from: bytes } : {}
    return { text, facts: { file, about, ...measure(text), ...cut } }
  } catch (error) {
    const why = gate(describeError(error))
    const text = textOf(file, file.endsWith('.json') ? { error: why } : `error: ${why}`)
    return { text, facts: { file, about, ...measure(text), error: why } }
  }
}

function measure(text: string): { bytes: number; redacted: number } {
  return { bytes: Buffer.byteLength(text), redacted: countMarks(text) }
}

function textOf(file: string, value: unknown): string {
  const text = file.endsWith('.json') ? JSON.stringify(value ?? null, null, 2) : String(value)
  return text.endsWith('\n') ? text : `${text}\n`
}

async function inTime({ read, timeoutMs = 10_000 }: Part): Promise<unknown> {
  const late = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new Error(`it took longer than ${timeoutMs / 1_000} s`)
    late.abort(error)
    reject(error)
  }, timeoutMs)
  try {
    return await Promise.race([Promise.try(read, late.signal), promise])
  } finally {
    clearTimeout(timer)
    late.abort()
  }
}
