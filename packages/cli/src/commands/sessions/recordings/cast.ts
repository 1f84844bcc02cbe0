import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

/** The first line of a recording (asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/). */
const Header = Type.Object({
  version: Type.Literal(2),
  width: Type.Integer({ minimum: 0 }),
  height: Type.Integer({ minimum: 0 }),
})

/** A line after it: when, in seconds since the start; what kind; and its text. */
const Event = Type.Tuple([Type.Number({ minimum: 0 }), Type.String(), Type.String()])

/** What happened in a session: `o` output, `i` input, `r` a new size of the terminal, `m` a marker. */
export interface CastEvent {
  atMs: number
  code: string
  text: string
}

/** Reads a recording line by line. Throws at the first line that is not of one. */
export async function* readCast(lines: AsyncIterable<string>): AsyncGenerator<CastEvent> {
  let number = 0
  for await (const line of lines) {
    number++
    if (line.trim() === '') continue
    const value = parse(line)
    if (number === 1 && Check(Header, value)) continue
    if (number === 1 || !Check(Event, value))
      throw new Error(`line ${number} is not of an asciicast v2 recording`)
    yield eventOf(value)
  }
}

function eventOf([seconds, code, text]: Static<typeof Event>): CastEvent {
  return { atMs: seconds * 1_000, code, text }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
