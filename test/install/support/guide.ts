import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../../scripts/programs/build.ts'

/** The commands in a guide, such as `first-hour`, in its order. */
export async function commandsOf(guide: string): Promise<string[]> {
  const text = await readFile(join(root, `docs/guides/${guide}.md`), 'utf8')
  return text.match(/(?<=^ {4}).+$/gm) ?? []
}
