import type { Environment } from '../app.ts'
import { damagedIn } from '../store/side/set-aside.ts'

/** At most one look per this time, however many ask. */
const freshMs = 2_000

/** Names the databases of the data dir that are damaged, without its path. */
export function createDamageCheck({ config, clock }: Environment): () => string[] {
  let last: { atMs: number; names: string[] } | undefined

  return () => {
    const nowMs = clock.monotonic()
    if (!last || nowMs - last.atMs >= freshMs) {
      const { setAside, suspect } = damagedIn(config.dataDir)
      last = { atMs: nowMs, names: [...suspect, ...setAside] }
    }
    return last.names
  }
}
