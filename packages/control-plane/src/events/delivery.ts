import type { CommitLog } from '../log/log.ts'
import type { MasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import { createFrames } from './frames.ts'
import { openKeyring } from './keyring.ts'
import type { StreamSources } from './node-stream.ts'
import type { PayloadSources } from './payload-for.ts'
import { openRecentEvents } from './recent.ts'
import { createStreams } from './streams.ts'

type Sources = Omit<
  StreamSources & PayloadSources,
  'frames' | 'reader' | 'recent' | 'now' | 'keyFor'
>

/** How nodes and operators are told of what is committed. */
export async function openDelivery(
  sources: Sources & { commits: CommitLog; store: Store; masterKey: MasterKey },
) {
  const { commits, store, masterKey, heads, clock } = sources
  const keyring = await openKeyring({ store, masterKey, clock })
  const recent = await openRecentEvents(store.reader, heads.last())
  const all = { ...sources, reader: store.reader, recent, now: clock.now, keyFor: keyring.keyFor }
  const frames = createFrames({ heads, keyring, sources: all, clock })
  return { commits, heads, keyring, recent, streams: createStreams({ ...all, frames }) }
}
