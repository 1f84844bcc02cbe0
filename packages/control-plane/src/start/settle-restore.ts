/**
 * How a restored state takes its place. It is unpacked and checked in `.restore`; renaming that is the moment from which the restore has
 * happened. Whoever locks the folder next finishes it, so that a restore that is killed has happened either not at all or completely.
 * All steps stay in the folder, which may be a mount point, and each may be repeated.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '@plexd/runtime'
import { asidePrefix, unfinishedPrefix } from '../backup/contents.ts'

/** Unpacked or checked, perhaps by a process that was killed. */
export const draftFolder = '.restore'
/** Complete; what was there before moves to `before-restore-<time>` first. */
const replacePrefix = `${unfinishedPrefix}replace-`
/** Complete, and in an otherwise empty folder. */
const readyFolder = `${unfinishedPrefix}ready`

/** What a data folder may contain and still be empty. `lost+found` is made by the file system. */
export function isContent(name: string): boolean {
  return !isOurs(name) && !name.startsWith(asidePrefix) && name !== 'lost+found'
}

/** The lock and its companions, and folders of restores and backups in progress. */
function isOurs(name: string): boolean {
  return /^lock(-|$)/.test(name) || /^\.(restore|backup)/.test(name)
}

/** The name of the folder for what was there before. */
export function asideOf(stamp: string): string {
  return asidePrefix + stamp
}

/** Makes the checked draft the content of the folder; `stamp` names the folder for what was there. The data folder must be locked. */
export function commitRestore(dataDir: string, stamp: string): void {
  const hasContent = readdirSync(dataDir).some(isContent)
  const name = hasContent ? replacePrefix + stamp : readyFolder
  rename(dataDir, draftFolder, name)
  settleRestore(dataDir)
}

/** Finishes a restore that has happened, and removes what is left of one that has not. The data folder must be locked. */
export function settleRestore(dataDir: string): void {
  const names = readdirSync(dataDir)
  const replacing = names.find((name) => name.startsWith(replacePrefix))
  if (replacing !== undefined) {
    moveAside(dataDir, asideOf(replacing.slice(replacePrefix.length)))
    rename(dataDir, replacing, readyFolder)
  }
  if (existsSync(join(dataDir, readyFolder))) moveIn(dataDir)
  if (names.includes(draftFolder)) rmSync(join(dataDir, draftFolder), { recursive: true })
}

function moveAside(dataDir: string, aside: string): void {
  makeFolder(join(dataDir, aside))
  for (const name of readdirSync(dataDir).filter(isContent))
    renameSync(join(dataDir, name), join(dataDir, aside, name))
  syncFolder(join(dataDir, aside))
}

function moveIn(dataDir: string): void {
  const ready = join(dataDir, readyFolder)
  for (const name of readdirSync(ready)) renameSync(join(ready, name), join(dataDir, name))
  syncFolder(dataDir)
  rmdirSync(ready)
}

function rename(dataDir: string, from: string, to: string): void {
  renameSync(join(dataDir, from), join(dataDir, to))
  syncFolder(dataDir)
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
