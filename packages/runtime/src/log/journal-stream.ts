import { fstatSync } from 'node:fs'

/** Whether stderr goes to systemd's journal: the variable names the device and inode of the stream that it gave us (systemd.exec(5)). */
export function isLoggedToJournal(stream = process.env.JOURNAL_STREAM): boolean {
  if (stream === undefined) return false
  const stderr = fstatSync(2, { throwIfNoEntry: false })
  return stderr !== undefined && stream === `${stderr.dev}:${stderr.ino}`
}
