import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import type { Author, FilterNews, TableChange } from './netlink-message.ts'
import { startTableWatch } from './table-watch.ts'

it('tells of changes by others to our tables, once each time it looks', async () => {
  const clock = createFakeClock()
  const author = { portId: 99, processId: 4_711, name: 'nft' }
  const newsOf = (...changes: TableChange[]): FilterNews => ({ changes, authors: [author] })
  const news: (FilterNews | 'overrun')[] = [
    newsOf(),
    newsOf({ portId: 99, table: 'nat' }),
    newsOf({ portId: 7, table: 'plexd' }),
    newsOf({ portId: 99, table: 'plexd' }, { portId: 99, table: 'plexd' }),
    'overrun',
  ]
  const heard: [number, Author | undefined][] = []
  let closed = false
  const watch = startTableWatch({
    socket: {
      read: () => news.shift() ?? newsOf(),
      close() {
        closed = true
      },
    },
    isOurs: (processId) => processId === 7,
    onChange: (by) => heard.push([news.length, by]),
    clock,
  })
  await clock.advance(1_000)
  watch[Symbol.dispose]()
  assert.deepEqual(heard, [
    [1, author],
    [0, undefined],
  ])
  assert.equal(closed, true)
})
