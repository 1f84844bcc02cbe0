import { type Announcement, type Heeded, importVerifyKey, openAnnouncement } from '@plexd/protocol'
import { createSerialQueue, describeError, type Log } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { namesPlace, urlsOf } from '../config/places.ts'
import type { Problems } from '../health/problems.ts'
import { createListeners } from '../process/listeners.ts'
import { loadAnnouncement, saveAnnouncement } from './announcement-file.ts'
import { isNews } from './judge.ts'
import { type Trust, takeAuthorities, trustIn } from './trust.ts'

/** What the control plane says of itself, and what this node makes of it. */
export interface Installation {
  /**
   * It has sent an announcement, at whatever address. `keys` verify it: those that were known before, as whoever sends an answer may
   * have put his own into it. Resolves when it is in force. Never rejects.
   */
  received(announcement: unknown, keys: readonly string[]): Promise<void>
  /** Tries the last one again that was received and could not be taken. */
  look(keys: readonly string[]): Promise<void>
  /** The CA file may be another one than before. */
  refresh(): Promise<void>
  /** For the control plane; undefined while it has announced nothing. */
  heeded(): Heeded | undefined
  /** Where the control plane says it will be; empty if it says nothing. */
  urls(): readonly string[]
  /** It is another one than before. */
  onChange(listener: () => void): () => void
}

interface Deps {
  config: Pick<AgentConfig, 'apiUrl' | 'apiUrlChosen' | 'caFile' | 'dataDir'> &
    Partial<Pick<AgentConfig, 'otherPlaces'>>
  reloadCa(): void
  problems: Pick<Problems, 'set'>
  log: Log
}

/** With the last announcement in force. */
export async function openInstallation({
  config,
  reloadCa,
  problems,
  log,
}: Deps): Promise<Installation> {
  const { dataDir } = config
  const inOrder = createSerialQueue()
  const { add, tell } = createListeners()
  let last = loadAnnouncement(dataDir, log)
  let waiting: unknown
  let refusal = ''
  let heeded: Heeded | undefined

  async function putInForce(announcement: Announcement): Promise<void> {
    if (await takeAuthorities(config, announcement)) reloadCa()
    const { trusted, problem } = readTrust(config, announcement)
    const chosen = chosenProblem(config, announcement)
    problems.set('authority', problem || undefined)
    problems.set('address', chosen || undefined)
    heeded = {
      url: config.apiUrl,
      announcement: announcement.sequence,
      authorities: trusted,
      problem: [problem, chosen].filter((text) => text !== '').join('; '),
    }
    tell()
  }

  /** What was stored, and could not be put in force, as when the disk was full between the two. */
  async function putLastInForce(): Promise<void> {
    if (last && heeded?.announcement !== last.sequence) await putInForce(last)
  }

  async function take(received: unknown, keys: readonly string[]): Promise<void> {
    waiting = received
    const known = await Promise.all(keys.map(importVerifyKey))
    const announcement = await openAnnouncement(received, known)
    if (!isNews(announcement, last)) return await putLastInForce()
    // First, so that it is in force after a crash in between: the next start goes on from here.
    await saveAnnouncement(dataDir, announcement)
    last = announcement
    await putInForce(announcement)
    log.info('announcement of the control plane taken', {
      sequence: announcement.sequence,
      urls: announcement.urls,
      authorities: heeded?.authorities,
    })
  }

  const received: Installation['received'] = (announcement, keys) =>
    inOrder(async () => {
      if (announcement === undefined || announcement === null) return
      try {
        await take(announcement, keys)
        waiting = undefined
        refusal = ''
        problems.set('announcement', undefined)
      } catch (error) {
        const why = describeError(error)
        if (why === refusal) return
        refusal = why
        problems.set('announcement', `what the control plane says of itself is not heeded: ${why}`)
        log.warn('announcement of the control plane refused', { error: why })
      }
    })

  const refresh = (): Promise<void> =>
    inOrder(async () => {
      if (last) await putInForce(last)
    }).catch((error: unknown) =>
      log.warn('announcement of the control plane not in force', { error: describeError(error) }),
    )

  await refresh()
  return {
    received,
    refresh,
    look: (keys) => received(waiting, keys),
    heeded: () => heeded,
    urls: () => last?.urls ?? [],
    onChange: add,
  }
}

/** An address in the settings is the operator's. */
function chosenProblem(config: Deps['config'], { urls }: Announcement): string {
  const [best] = urls
  if (!config.apiUrlChosen || best === undefined || urls.some((url) => namesPlace(config, url)))
    return ''
  return `the settings name the address "${urlsOf(config)}", and the control plane says it will be at "${best}": change "api" there when it has moved, or leave it out`
}

function readTrust(config: Deps['config'], announcement: Announcement): Trust {
  try {
    return trustIn(config, announcement)
  } catch (error) {
    return { trusted: [], problem: describeError(error) }
  }
}
