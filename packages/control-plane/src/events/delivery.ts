import type { CommitLog } from '../log/log.ts'
import { readUnanswered } from '../rows/log/events.ts'
import type { MasterKey } from '../seal/master-key.ts'
import type { Store } from '../store/db.ts'
import { createFrames } from './frames.ts'
import { openKeyring } from './keyring.ts'
import { openRecentEvents } from './missed/recent.ts'
import { createUnanswered } from './missed/unanswered.ts'
import type { StreamSources } from './node-stream.ts'
import type { PayloadSources } from './payload-for.ts'
import { createStreams } from './streams.ts'

type Sources = Omit<
  StreamSources & PayloadSources,
  'frames' | 'reader' | 'recent' | 'unanswered' | 'now' | 'keyFor'
>

/** How nodes and operators are told of what is committed. */
export async function openDelivery(
  sources: Sources & { commits: CommitLog; store: Store; masterKey: MasterKey },
) {
  const { commits, store, masterKey, heads, clock } = sources
  const keyring = await openKeyring({ store, masterKey, clock })
  const recent = await openRecentEvents(store.reader, heads.last())
  const { reader } = store
  const unanswered = createUnanswered((ids) => readUnanswered(reader, ids, clock.now()))
  const own = { reader, recent, unanswered }
  const all = { ...sources, ...own, now: clock.now, keyFor: keyring.keyFor }
  const frames = createFrames({ heads, keyring, sources: all, clock })
  return { commits, heads, keyring, recent, streams: createStreams({ ...all, frames }) }
}
