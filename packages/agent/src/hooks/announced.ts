import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing, writeFileAtomic } from '@plexd/runtime'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

/** A hook as the control plane was told of it. */
const AnnouncedHook = Type.Object({
  checksum: Type.String(),
  sidecar_checksum: Type.Optional(Type.String()),
  /** The last deviation that was reported, so that each is reported once. */
  reported: Type.Optional(Type.String()),
})
export type AnnouncedHook = Static<typeof AnnouncedHook>

const File = Type.Record(Type.String(), AnnouncedHook)

/**
 * What was announced, by the hook's name. A hook that is gone stays: if it comes back with another content, somebody has to say that
 * this is meant. Nobody knows what was announced once the file is damaged.
 */
export interface Announced {
  readonly hooks: ReadonlyMap<string, AnnouncedHook>
  readonly isDamaged: boolean
}

const pathIn = (dataDir: string): string => join(dataDir, 'hooks.json')

/** Throws the system's error if the file is there and cannot be read. */
export function readAnnounced(dataDir: string): Announced {
  let text: string
  try {
    text = readFileSync(pathIn(dataDir), 'utf8')
  } catch (error) {
    if (isMissing(error)) return { hooks: new Map(), isDamaged: false }
    throw error
  }
  const value = parse(text)
  if (!Check(File, value)) return { hooks: new Map(), isDamaged: true }
  return { hooks: new Map(Object.entries(value)), isDamaged: false }
}

/** On the disk when it resolves. */
export async function writeAnnounced(dataDir: string, hooks: Announced['hooks']): Promise<void> {
  const text = JSON.stringify(Object.fromEntries(hooks), null, 2)
  await writeFileAtomic(pathIn(dataDir), `${text}\n`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
