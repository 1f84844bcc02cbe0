import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { draftFolder, isContent } from '../start/settle-restore.ts'

/** The folder and its parents, as far as they are missing, the innermost first. */
export function missingFolders(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...missingFolders(dirname(folder))]
}

/**
 * Removes what a restore that has failed has made: its draft, and of a folder that was missing all of it, unless somebody has put something
 * there meanwhile. The data folder must be locked. What cannot be removed is in nobody's way.
 */
export function undo(dataDir: string, missing: readonly string[]): void {
  try {
    rmSync(join(dataDir, draftFolder), { recursive: true, force: true })
    if (missing.length === 0 || readdirSync(dataDir).some(isContent)) return
    for (const name of readdirSync(dataDir))
      if (/^lock(-|$)/.test(name)) rmSync(join(dataDir, name))
    for (const folder of missing) rmdirSync(folder)
  } catch {}
}
