import {
  describeError,
  describeTools,
  listTree,
  machinePart,
  type Part,
  readJournal,
} from '@plexd/runtime'
import type { Config } from '../config/config.ts'
import { askPort, askSocket } from '../doctor/ask.ts'
import { examineControlPlane } from '../doctor/doctor.ts'
import { placeOf } from '../doctor/place.ts'
import { version } from '../version.ts'
import { describeConfig, type GivenSettings } from './config-part.ts'
import { describeDatabases } from './database-part.ts'

export interface ReportSubject {
  config: Config
  given: GivenSettings
  nowMs: number
  /** Of the log; milliseconds since 1970. */
  sinceMs: number
}

/** The files of a bug report, in their order. None has a key, a token, or a row of the database. */
export function reportParts({ config, given, nowMs, sinceMs }: ReportSubject): Part[] {
  return [
    {
      file: 'versions.json',
      about: 'the program and Node.js',
      read: async () => ({
        'plexd-control-plane': version,
        node: process.version,
        ...(await describeTools([['journalctl', '--version']])),
      }),
    },
    machinePart(config.dataDir),
    {
      file: 'config.json',
      about: 'each setting with its value, and where it is from',
      read: () => describeConfig(config, given),
    },
    {
      file: 'ready.json',
      about: 'whether the port and the admin socket answer',
      read: async () => ({
        port: await askPort(config).then(withoutCertificate, describeError),
        socket:
          config.adminSocket === undefined
            ? 'off'
            : await askSocket(config.adminSocket).then(withoutCertificate, describeError),
      }),
    },
    {
      file: 'doctor.json',
      about: 'what "plexd-control-plane doctor" finds',
      timeoutMs: 60_000,
      read: () => examineControlPlane(config, nowMs),
    },
    {
      file: 'databases.json',
      about: 'sizes, schema version, pages and numbers of rows',
      timeoutMs: 60_000,
      read: () => describeDatabases(placeOf(config, nowMs)),
    },
    {
      file: 'files.json',
      about: 'the names and sizes of the files in the data folder',
      read: () => listTree(config.dataDir),
    },
    {
      file: 'log.txt',
      about: 'its log in the journal',
      timeoutMs: 20_000,
      read: (signal) => readJournal('plexd-control-plane.service', sinceMs, signal),
    },
  ]
}

function withoutCertificate({ status, text }: { status: number; text: string }) {
  return { status, text }
}
