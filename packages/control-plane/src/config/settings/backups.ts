import { type Bounds, boundedReader, systemClock } from '@plexd/runtime'
import { checkRhythm, type Rhythm } from '../../rhythm/cron.ts'
import { type OptionalPart, optionalParts } from './backup-parts.ts'
import { checkRecipient } from './recipient.ts'
import { asIs, optional, type Setting, withDefault, within } from './setting.ts'
import { inContext, parseList, parseSwitch } from './values.ts'

const yearMs = 365 * 24 * 3_600_000
const everyBounds: Bounds = { unit: 'ms', min: 60_000, max: yearMs }
const readEvery = boundedReader(everyBounds)

/** Backups that are made by themselves. */
export const backupSettings = {
  backupFolder: optional({
    name: 'backup-folder',
    value: 'DIR',
    reloads: true,
    help: 'where backups are made by themselves, a folder that is there, best on another disk; wants --backup-recipient or --backup-unencrypted',
    wants: 'folder',
    read: asIs,
  }),
  backupEvery: withDefault({
    name: 'backup-every',
    value: 'TIME',
    default: '24h',
    reloads: true,
    help: 'how often: a duration since the last one, or a cron expression in UTC such as "30 3 * * *"',
    bounds: everyBounds,
    read: parseBackupRhythm,
  }),
  backupKeep: withDefault({
    name: 'backup-keep',
    value: 'NUMBER',
    default: '7',
    reloads: true,
    help: 'how many of them are kept, the newest',
    ...within({ unit: 'count', min: 1, max: 10_000 }),
  }),
  backupKeepForMs: optional({
    name: 'backup-keep-for',
    value: 'DURATION',
    reloads: true,
    help: 'older ones beyond that number are kept so long',
    ...within({ unit: 'ms', min: 60_000, max: 100 * yearMs }),
  }),
  backupRecipients: {
    name: 'backup-recipient',
    value: 'AGE1...',
    list: true,
    reloads: true,
    help: 'public key of age that backups are encrypted to; repeatable',
    from: (given: unknown): readonly string[] =>
      parseList('backup_recipient', given).map(parseBackupRecipient),
  },
  backupUnencrypted: {
    name: 'backup-unencrypted',
    reloads: true,
    help: 'do not encrypt them: whoever has such a file has the state, and the keys in it',
    from: (given: unknown) => parseSwitch('backup_unencrypted', given),
  },
  backupParts: {
    name: 'backup-with',
    value: 'PART',
    list: true,
    reloads: true,
    help: `what they have beside the state: ${optionalParts.join(', ')}; repeatable`,
    from: (given: unknown): readonly OptionalPart[] =>
      parseList('backup_with', given).map(parseBackupPart),
  },
} as const satisfies Record<string, Setting<unknown>>

/** After each success, or at set times. */
export type BackupRhythm = { everyMs: number } | Rhythm

function parseBackupRhythm(text: string): BackupRhythm {
  return inContext(`backup_every "${text}": `, () => {
    if (/^\d+(\.\d+)?[a-z]/.test(text)) return { everyMs: readEvery(text) }
    const rhythm = { cron: text, time_zone: 'UTC' }
    checkRhythm(rhythm, systemClock.now())
    return rhythm
  })
}

function parseBackupRecipient(text: string): string {
  return inContext('backup_recipient: ', () => checkRecipient(text))
}

function parseBackupPart(text: string): OptionalPart {
  const part = optionalParts.find((known) => known === text)
  if (part) return part
  throw new Error(`read config: backup_with "${text}": want ${optionalParts.join(', ')}`)
}
