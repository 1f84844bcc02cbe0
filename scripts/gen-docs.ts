/** Writes docs/reference from the tables of the protocol; test/reference.test.ts fails when they differ. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderReference } from './reference/render.ts'

const folder = join(import.meta.dirname, '../docs/reference')
await mkdir(folder, { recursive: true })
for (const [name, text] of renderReference()) await writeFile(join(folder, name), text)
