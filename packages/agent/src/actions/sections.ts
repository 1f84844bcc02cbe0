import { type Clock, describeError } from '@plexd/runtime'
import { fit } from './fit.ts'

/** A part of a report, which may fail without the others. */
export type Section = (signal: AbortSignal) => unknown

const patienceMs = 10_000

/** Collects all at once. A section that fails, or takes longer than ten seconds, is its error. */
export async function collectSections(
  sections: Readonly<Record<string, Section>>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Record<string, unknown>> {
  const pairs = Object.entries(sections).map(async ([name, section]) => {
    const ended = new AbortController()
    const either = AbortSignal.any([ended.signal, signal])
    const late = clock.sleep(patienceMs, either).then(() => {
      throw new Error('it took longer than 10 s')
    })
    try {
      const found = await Promise.race([Promise.try(section, either), late])
      return [name, found ?? null] as const
    } catch (error) {
      signal.throwIfAborted()
      return [name, { error: describeError(error) }] as const
    } finally {
      ended.abort()
      late.catch(() => {}) // it ends with the section
    }
  })
  return Object.fromEntries(await Promise.all(pairs))
}

/** JSON with a line for each section, of at most `maxBytes`: small sections are whole, the others share what is left. */
export function printSections(
  sections: Readonly<Record<string, unknown>>,
  maxBytes: number,
): string {
  const names = Object.keys(sections)
  const roomOf = shareOut(sections, maxBytes - names.length * lineBytes)
  const lines = names.map(
    (name) => `${JSON.stringify(name)}: ${JSON.stringify(fit(sections[name], roomOf(name)))}`,
  )
  return `{\n  ${lines.join(',\n  ')}\n}\n`
}

/** For the name of a section and what is around it. */
const lineBytes = 48

function shareOut(
  sections: Readonly<Record<string, unknown>>,
  maxBytes: number,
): (name: string) => number {
  const sizes = Object.entries(sections)
    .map(([name, value]) => ({ name, bytes: Buffer.byteLength(JSON.stringify(value) ?? '') }))
    .sort((a, b) => a.bytes - b.bytes)
  const rooms = new Map<string, number>()
  let left = maxBytes
  for (const [at, { name, bytes }] of sizes.entries()) {
    const room = Math.min(bytes, Math.floor(left / (sizes.length - at)))
    rooms.set(name, room)
    left -= room
  }
  return (name) => rooms.get(name) ?? 0
}
