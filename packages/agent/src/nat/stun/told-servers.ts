import { isDeepStrictEqual } from 'node:util'
import { describeError, type Log } from '@plexd/runtime'
import { parseStunServer } from '../../config/settings/stun-server.ts'
import type { Mark } from '../../disk/mark.ts'
import { createListeners } from '../../process/listeners.ts'

/** The STUN servers that the control plane names, on the disk for the next start. */
export interface ToldServers {
  /** `host:port`, preferred ones first; empty while it names none. */
  current(): readonly string[]
  /** What an answer of the control plane names; undefined for nothing. */
  hear(named: readonly string[] | undefined): void
  onChange(listener: () => void): () => void
}

/** More would make each look for the endpoint longer, and the database larger. */
const maxServers = 16

export function createToldServers(mark: Mark, log: Log): ToldServers {
  const listeners = createListeners()
  let servers: readonly string[] = JSON.parse(mark.read() ?? '[]')

  /** Without it the next start asks those from before, until it is told again. */
  function store(usable: readonly string[]): void {
    try {
      mark.write(JSON.stringify(usable))
    } catch (error) {
      log.warn('STUN servers are not stored', { error: describeError(error) })
    }
  }

  return {
    current: () => servers,
    hear(named = []) {
      const usable = named.slice(0, maxServers).filter(isUsable)
      if (isDeepStrictEqual(usable, servers)) return
      servers = usable
      store(usable)
      listeners.tell()
    },
    onChange: listeners.add,
  }
}

/** A newer control plane may write them otherwise. */
function isUsable(server: string): boolean {
  try {
    return parseStunServer(server).host.length <= 253
  } catch {
    return false
  }
}

/** The second server shows what one alone cannot: whether a NAT uses another port per destination. */
const publicServers = ['stun.l.google.com:19302', 'stun.cloudflare.com:3478']

/** Whom to ask, in order: those in the settings; else those that the control plane names, or its own hosts, and public ones after that. Pure. */
export function stunServersOf({
  chosen,
  told,
  apiUrls,
}: {
  chosen: readonly string[] | undefined
  told: readonly string[]
  apiUrls: readonly string[]
}): readonly string[] {
  if (chosen) return chosen
  const own = new Set(apiUrls.map((url) => new URL(url).hostname))
  return [...(told.length > 0 ? told : own), ...publicServers]
}
