export interface Progress {
  open: number
  /** Agents whose state was shown to be the newest since `sinceMs`. */
  current: number
  lastCurrentMs: number
  /** The fewest peers that an agent knows. */
  fewestPeers: number
  events: number
}

/** How far agents have come. Pure. */
export function progressOf(
  agents: readonly { isOpen: boolean; currentMs: number; peers: number }[],
  sinceMs: number,
): Omit<Progress, 'events'> {
  const current = agents.filter(({ currentMs, isOpen }) => isOpen && currentMs > sinceMs)
  return {
    open: agents.filter(({ isOpen }) => isOpen).length,
    current: current.length,
    lastCurrentMs: current.reduce((last, { currentMs }) => Math.max(last, currentMs), 0),
    fewestPeers: agents.reduce((least, { peers }) => Math.min(least, peers), Infinity),
  }
}

/** The same of several processes. Pure. */
export function progressOfAll(parts: readonly Progress[]): Progress {
  return parts.reduce((all, part) => ({
    open: all.open + part.open,
    current: all.current + part.current,
    lastCurrentMs: Math.max(all.lastCurrentMs, part.lastCurrentMs),
    fewestPeers: Math.min(all.fewestPeers, part.fewestPeers),
    events: all.events + part.events,
  }))
}
