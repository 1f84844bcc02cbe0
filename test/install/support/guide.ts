import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../../scripts/programs/build.ts'

/** The commands in the guide to the first hour, in its order. */
export async function commandsOfFirstHour(): Promise<string[]> {
  const text = await readFile(join(root, 'docs/guides/first-hour.md'), 'utf8')
  return text.match(/(?<=^ {4}).+$/gm) ?? []
}
