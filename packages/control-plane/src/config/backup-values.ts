import { parseDuration } from '@plexd/protocol'
import { systemClock } from '@plexd/runtime'
import { checkRhythm, type Rhythm } from '../rhythm/cron.ts'
import { type OptionalPart, optionalParts } from './backup-parts.ts'
import { checkRecipient } from './recipient.ts'

/** After each success, or at set times. */
export type BackupRhythm = { everyMs: number } | Rhythm

export function parseBackupRhythm(text: string): BackupRhythm {
  return inSetting(`backup_every "${text}"`, () => {
    if (/^\d+(\.\d+)?[a-z]/.test(text))
      return { everyMs: atLeast(parseDuration(text), 60_000, '1m') }
    const rhythm = { cron: text, time_zone: 'UTC' }
    checkRhythm(rhythm, systemClock.now())
    return rhythm
  })
}

export function parseBackupKeep(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 10_000)
    throw new Error(`read config: backup_keep "${text}": want a number from 1 to 10000`)
  return count
}

export function parseBackupAge(text: string): number {
  return inSetting(`backup_keep_for "${text}"`, () => atLeast(parseDuration(text), 60_000, '1m'))
}

export function parseBackupRecipient(text: string): string {
  return inSetting('backup_recipient', () => checkRecipient(text))
}

export function parseBackupPart(text: string): OptionalPart {
  const part = optionalParts.find((known) => known === text)
  if (part) return part
  throw new Error(`read config: backup_with "${text}": want ${optionalParts.join(', ')}`)
}

function atLeast(ms: number, least: number, words: string): number {
  if (ms < least) throw new Error(`want ${words} at least`)
  return ms
}

function inSetting<Value>(setting: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Error(
      `read config: ${setting}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
