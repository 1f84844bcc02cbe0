import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFakeClock } from '@plexd/runtime'
import type { TableChange } from './netlink-message.ts'
import { startTableWatch } from './table-watch.ts'

it('tells of changes by others to our tables, once each time it looks', async () => {
  const clock = createFakeClock()
  const news: (TableChange[] | 'overrun')[] = [
    [],
    [{ portId: 99, table: 'nat' }],
    [{ portId: 7, table: 'plexd' }],
    [
      { portId: 99, table: 'plexd' },
      { portId: 99, table: 'plexd' },
    ],
    'overrun',
  ]
  const heard: number[] = []
  let closed = false
  const watch = startTableWatch({
    socket: {
      read: () => news.shift() ?? [],
      close() {
        closed = true
      },
    },
    tables: ['plexd'],
    isOurs: (processId) => processId === 7,
    onChange: () => heard.push(news.length),
    clock,
  })
  await clock.advance(1_000)
  watch[Symbol.dispose]()
  assert.deepEqual(heard, [1, 0])
  assert.equal(closed, true)
})
