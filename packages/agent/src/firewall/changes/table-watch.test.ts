import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Author, FilterNews, TableChange } from './netlink-message.ts'
import { startTableWatch } from './table-watch.ts'

it('tells of changes by others to our tables, once for each announcement', () => {
  const author = { portId: 99, processId: 4_711, name: 'nft' }
  const newsOf = (authors: Author[], ...changes: TableChange[]): FilterNews => ({
    changes,
    authors,
  })
  const foreign = { portId: 99, table: 'plexd' }
  const heard: (Author | undefined)[] = []
  let announce: (news: FilterNews | 'overrun') => void = () => {}
  let closed = false
  const watch = startTableWatch({
    socket: {
      follow(onNews) {
        announce = onNews
      },
      close() {
        closed = true
      },
    },
    isOurs: (processId) => processId === 7,
    onChange: (by) => heard.push(by),
  })
  announce(newsOf([]))
  announce(newsOf([author], { portId: 99, table: 'nat' }))
  announce(newsOf([{ ...author, portId: 7 }], { portId: 7, table: 'plexd' }))
  assert.deepEqual(heard, [])
  announce(newsOf([author], foreign, foreign))
  announce('overrun')
  assert.deepEqual(heard, [author, undefined])

  // A transaction in two packets; the last message names the author.
  announce(newsOf([], foreign))
  assert.equal(heard.length, 2)
  announce(newsOf([author]))
  assert.deepEqual(heard, [author, undefined, author])
  watch[Symbol.dispose]()
  assert.equal(closed, true)
})
