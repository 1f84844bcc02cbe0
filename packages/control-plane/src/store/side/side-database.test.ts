import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { openSideDatabase } from './side-database.ts'

describe('a side database', () => {
  it('writes what waits in groups no larger than was asked for, and a larger item alone', async () => {
    await using setup = await setUp()
    const sizes = [3, 3, 3, 3, 30, 1]
    const groups = await Promise.all(sizes.map((size) => setup.write({ size })))
    assert.deepEqual(groups, [1, 1, 1, 2, 3, 4])
  })

  it('rejects all of a group of which one fails, keeps nothing of it, and goes on', async () => {
    await using setup = await setUp()
    const group = [{ size: 1 }, { size: 2, fails: true }, { size: 3 }]
    const results = await Promise.allSettled(group.map(setup.write))
    assert.deepEqual(
      results.map((result) => result.status === 'rejected' && result.reason.message),
      Array(3).fill('no room for 2'),
    )
    await setup.write({ size: 4 })
    assert.deepEqual(setup.sizes(), [4])
  })

  it('has written all when it is closed', async () => {
    const setup = await setUp()
    const written = [1, 2, 3].map((size) => setup.write({ size: 5 * size }))
    await setup[Symbol.asyncDispose]()
    await Promise.all(written)
  })
})

/** Its writer takes groups of 10, and resolves to the number of the group. */
async function setUp() {
  const folder = await makeTemporaryFolder()
  const side = openSideDatabase(join(folder.path, 'side.db'), {
    schema: 'create table if not exists items (size integer)',
  })
  const insert = side.database.prepare('insert into items values (?)')
  let groups = 0
  let isInGroup = false
  /** A group is written in one go, so a microtask runs after its last item. */
  function countGroup(): void {
    if (isInGroup) return
    groups++
    isInGroup = true
    queueMicrotask(() => {
      isInGroup = false
    })
  }
  return {
    write: side.createWriter({
      write({ size, fails }: { size: number; fails?: boolean }): number {
        countGroup()
        insert.run(size)
        if (fails) throw new Error(`no room for ${size}`)
        return groups
      },
      sizeOf: ({ size }) => size,
      maxGroupSize: 10,
    }),
    sizes: () =>
      side.database
        .prepare('select size from items')
        .all()
        .map(({ size }) => size),
    async [Symbol.asyncDispose]() {
      await side[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
