import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Writable } from 'node:stream'
import { CliError, printJson } from '../cli/cli.ts'
import { systemRemedy } from '../files/system-remedy.ts'
import { describeError } from '../log/log.ts'
import { printable } from '../text/printable.ts'
import { createGate } from './gate.ts'
import { openOutput } from './output-file.ts'
import type { PartFacts } from './read-part.ts'
import { type BundleOptions, writeBundle } from './write-bundle.ts'

export interface SaveOptions extends Omit<BundleOptions, 'to'> {
  /** A new file, or `-` for stdout; in the current folder by default. */
  out: string | undefined
  json: boolean | undefined
  /** What could not even be looked for, for people. */
  notes: readonly string[]
  stdout?: { write(text: string): unknown }
}

/** Writes a bundle and tells what is in it: on stdout, unless the bundle itself goes there. */
export async function saveBundle({ out, json, ...options }: SaveOptions): Promise<void> {
  const { notes: given, stdout = process.stdout, ...bundle } = options
  const notes = given.map(createGate(bundle))
  const head = { ...bundle.head, notes }
  if (out === '-') {
    if (process.stdout.isTTY)
      throw new CliError('write bundle to stdout: that is a terminal: send it to a file or program')
    const parts = await inWords('stdout', () => writeBundle({ ...bundle, head, to: openStdout() }))
    process.stderr.write(describeBundle('stdout', undefined, { parts, notes }))
    return
  }
  const file = resolve(out ?? `${bundle.folder}.tar.gz`)
  const parts = await inWords(file, async () => {
    await using output = await openOutput(file, 'bundle')
    const found = await writeBundle({ ...bundle, head, to: output.stream })
    await output.keep()
    return found
  })
  const { size: bytes } = statSync(file)
  if (json) printJson({ file, bytes, notes, parts }, stdout)
  else stdout.write(describeBundle(file, bytes, { parts, notes }))
}

/** Ends when all is written, and leaves the stream itself open. */
function openStdout(): Writable {
  return new Writable({ write: (chunk, _encoding, done) => void process.stdout.write(chunk, done) })
}

async function inWords<Found>(file: string, write: () => Promise<Found>): Promise<Found> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof CliError) throw error
    const remedy = systemRemedy(error, 'name another file with --out, or "-" for stdout')
    throw new CliError(`write bundle "${file}": ${describeError(error)}: ${remedy}`)
  }
}

function describeBundle(
  file: string,
  bytes: number | undefined,
  { parts, notes }: { parts: readonly PartFacts[]; notes: readonly string[] },
): string {
  const width = Math.max(...parts.map(({ file: name }) => name.length)) + 2
  const lines = parts.map(
    (part) =>
      `  ${part.file.padEnd(width)}${printable(part.error === undefined ? part.about : `MISSING: ${part.error}`)}\n`,
  )
  const redacted = parts.reduce((sum, part) => sum + part.redacted, 0)
  const size = bytes === undefined ? '' : `: ${bytes} bytes`
  const look = file === 'stdout' ? '' : `: tar -xzOf ${file} | less`
  return [
    `${file}${size}\n`,
    ...lines,
    ...notes.map((note) => `note: ${printable(note)}\n`),
    `[redacted] stands in ${redacted} places for what is, or looks like, a secret. Look before you send it${look}\n`,
  ].join('')
}
