import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Announcement } from '@plexd/protocol'
import { describeError, isMissing, type Log, readPlainFile, writeFileAtomic } from '@plexd/runtime'
import { Check } from 'typebox/value'

const pathOf = (dataDir: string): string => join(dataDir, 'announcement.json')

/** The last announcement that this node took; undefined if it took none, or cannot read it: then it takes the next one. */
export function loadAnnouncement(dataDir: string, log: Log): Announcement | undefined {
  const file = pathOf(dataDir)
  try {
    const content: unknown = JSON.parse(readPlainFile(file, `read "${file}"`))
    if (Check(Announcement, content)) return content
    throw new TypeError('it is not of the expected shape')
  } catch (error) {
    if (!isMissing(error))
      log.warn('the last announcement of the control plane cannot be read, ignored', {
        file,
        error: describeError(error),
      })
    return undefined
  }
}

/** For a machine that becomes another node: it was that of its control plane from before. */
export async function forgetAnnouncement(dataDir: string): Promise<void> {
  await rm(pathOf(dataDir), { force: true })
}

export async function saveAnnouncement(dataDir: string, announcement: Announcement): Promise<void> {
  await writeFileAtomic(pathOf(dataDir), `${JSON.stringify(announcement, null, 2)}\n`)
}
