import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** What SQLite keeps beside a file is called after it. */
const companions = ['-wal', '-shm', '-journal']

/** Removes a database with what is beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', ...companions]) rmSync(path + suffix, { force: true })
}

/** Of a file that was set aside before, so many copies are kept. */
const maxCopies = 4

/** Moves a database to the first free of `NAME.damaged`, `NAME.damaged-2` and so on, and returns that. What is beside it goes first: it would be taken for that of the next. */
export function setAside(path: string): string {
  const names = Array.from({ length: maxCopies }, (_, at) =>
    at === 0 ? `${path}.damaged` : `${path}.damaged-${at + 1}`,
  )
  const free = names.find((name) => !existsSync(name))
  if (free !== undefined) return move(path, free)
  // The first may be the only one that has all; the second has less to say than what comes now.
  const second = `${path}.damaged-2`
  removeDatabase(second)
  return move(path, second)
}

function move(path: string, to: string): string {
  rmSync(`${path}-shm`, { force: true })
  for (const suffix of ['-wal', '-journal', ''])
    if (existsSync(path + suffix)) renameSync(path + suffix, to + suffix)
  return to
}

/** Something was read from the database that cannot be right: the next start looks at all of it. */
export function suspect(path: string): void {
  writeFileSync(`${path}.suspect`, '', { mode: 0o600 })
}

export function isSuspect(path: string): boolean {
  return existsSync(`${path}.suspect`)
}

export function trust(path: string): void {
  rmSync(`${path}.suspect`, { force: true })
}

/** Databases of a data folder that are damaged: what was set aside, and what the next start will look at. By their names in it. */
export function damagedIn(dataDir: string): { setAside: string[]; suspect: string[] } {
  const names = ['', 'telemetry'].flatMap((folder) =>
    filesIn(join(dataDir, folder)).map((name) => join(folder, name)),
  )
  return {
    setAside: names.filter((name) => /\.db\.damaged(-\d+)?$/.test(name)).sort(),
    suspect: names
      .filter((name) => name.endsWith('.db.suspect'))
      .map((name) => join(dirname(name), basename(name, '.suspect')))
      .sort(),
  }
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
