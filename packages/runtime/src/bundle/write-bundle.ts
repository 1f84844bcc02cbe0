import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createGate, type GateOptions } from './gate.ts'
import { type Part, type PartFacts, readPart } from './read-part.ts'

export interface BundleOptions extends GateOptions {
  /** The folder in it that everything is in. */
  folder: string
  /** Facts for its manifest. */
  head: Readonly<Record<string, unknown>>
  parts: readonly Part[]
  /** Milliseconds since 1970. */
  nowMs: number
  to: Writable
}

/**
 * Writes a tar.gz with the parts in their order, and a manifest behind them that says what is missing and how much was redacted. All are
 * read at once, each with a time limit of its own. Rejects if the output cannot be written.
 */
export async function writeBundle(options: BundleOptions): Promise<PartFacts[]> {
  const { folder, head, parts, nowMs, to, ...secrets } = options
  // Loaded lazily: no other command needs it.
  const { pack: createPack } = await import('./tar.ts')
  const gate = createGate(secrets)
  const pack = createPack()
  const add = (file: string, text: string): void => {
    pack.entry({ name: `${folder}/${file}`, mode: 0o600, mtime: new Date(nowMs) }, text)
  }
  const written = pipeline(pack, createGzip(), to)
  written.catch(() => {}) // awaited below
  const facts: PartFacts[] = []
  for (const reading of parts.map((part) => readPart(part, gate))) {
    const part = await reading
    facts.push(part.facts)
    if (!pack.destroyed) add(part.facts.file, part.text)
  }
  const manifest = { ...head, made_at: new Date(nowMs).toISOString(), is_blind: options.isBlind }
  if (!pack.destroyed) {
    add('manifest.json', gate(`${JSON.stringify({ ...manifest, parts: facts }, null, 2)}\n`))
    pack.finalize()
  }
  await written
  return facts
}
