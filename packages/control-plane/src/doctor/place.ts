import { join } from 'node:path'
import { lockHolder } from '@plexd/runtime'
import type { Config } from '../config/config.ts'

/** The installation that the doctor checks. */
export interface Place {
  config: Config
  /** The process that holds the data folder; undefined if there is none. */
  pid: number | undefined
  nowMs: number
}

export function placeOf(config: Config, nowMs: number): Place {
  return { config, pid: lockHolder(join(config.dataDir, 'lock')), nowMs }
}

/** The databases, by their names in the data folder. */
export const databases = ['control-plane.db', 'telemetry.db'] as const

/** Files of a data folder, by their names in it. */
export function fileIn({ config }: Place, name: string): string {
  return join(config.dataDir, name)
}

export function masterKeyFile(place: Place): string {
  return place.config.masterKeyFile ?? fileIn(place, 'master.key')
}
