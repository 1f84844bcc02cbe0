import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CliError, exitCodes, lockHolder } from '@plexd/runtime'
import { newestSchema } from '../store/migrate.ts'
import { databaseName, readMove } from '../store/place/moved.ts'
import { pageFault } from '../store/side/fault.ts'

/** Throws if a control plane is running on the folder, or none ever was. */
export function demandInstallation(dataDir: string, work: string): void {
  const pid = lockHolder(join(dataDir, 'lock'))
  if (pid !== undefined)
    throw new CliError(`${work}: process ${pid} is running on it: stop that first`)
  if (existsSync(join(dataDir, databaseName)) || readMove(dataDir)) return
  throw new CliError(
    `${work}: there is no "${databaseName}" in it: name the data folder of a control plane with --data-dir`,
    exitCodes.usage,
  )
}

/** Opens the file, so that it can be moved alone. Throws if this program would not serve from it as it is; undefined if it is put aside. */
export function openSource(
  dataDir: string,
  work: string,
  onProgress: (text: string) => void,
): DatabaseSync | undefined {
  const path = join(dataDir, databaseName)
  if (!existsSync(path)) return undefined
  // Not opened read-only: otherwise the log of a killed process could not be recovered.
  const database = new DatabaseSync(path, { timeout: 5_000 })
  try {
    onProgress(`checking ${path}`)
    const fault = pageFault(database)
    if (fault !== undefined)
      throw new CliError(`${work}: "${path}" is damaged: ${fault}: put a backup in its place first`)
    demandSchema(database, work)
    settleLog(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function demandSchema(database: DatabaseSync, work: string): void {
  const found = Number(database.prepare('select version from schema_version').get()?.version ?? 0)
  if (found > newestSchema)
    throw new CliError(
      `${work}: it has schema ${found}, and this version knows ${newestSchema}: use the program that served from it`,
    )
  if (found < newestSchema)
    throw new CliError(
      `${work}: it has schema ${found}, and this version ${newestSchema}: start the control plane of this version once, which changes it, and stop it again`,
    )
}

/** Puts what is in the write-ahead log into the file. */
function settleLog(database: DatabaseSync): void {
  const row = database.prepare('pragma wal_checkpoint(truncate)').get()
  if (row?.busy !== 0) throw new Error('another process reads the database: try again')
}
