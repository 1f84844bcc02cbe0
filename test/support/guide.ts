import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The text of a guide, such as `first-hour`. */
export const readGuide = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, `../../docs/guides/${name}.md`), 'utf8')

/** The commands in the text of a guide, in its order. */
export const commandsIn = (text: string): string[] => text.match(/(?<=^ {4}).+$/gm) ?? []

export const commandsOf = async (guide: string): Promise<string[]> =>
  commandsIn(await readGuide(guide))
