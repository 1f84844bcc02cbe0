import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type Databases, dialects } from '../testing/databases.ts'
import type { Store, Tx } from './db.ts'
import { insert, names, put } from './testing/settings.ts'

for (const { name, skip, openDatabases } of dialects)
  describe(`a store on ${name}`, { skip }, () => {
    let databases: Databases
    before(async () => {
      databases = await openDatabases()
    })
    after(() => databases[Symbol.asyncDispose]())

    async function open(onGroup?: (size: number) => void) {
      const store: Store = await databases.open(
        await databases.create(),
        // On a busy machine, too, those that wait together are one group.
        { maxGroupMs: 60_000, ...(onGroup ? { onGroup } : {}) },
      )
      return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
    }

    it('puts units that wait at the same moment into one transaction', async () => {
      const groups: number[] = []
      await using opened = await open((size) => groups.push(size))
      const { store } = opened

      await Promise.all([put(store, 'a'), put(store, 'b'), put(store, 'c')])
      await put(store, 'd')

      assert.deepEqual(await names(store), ['a', 'b', 'c', 'd'])
      assert.deepEqual(groups, [3, 1])
    })

    it('undoes a unit that throws, and it alone', async () => {
      await using opened = await open()
      const { store } = opened

      const outcomes = await Promise.allSettled([
        put(store, 'a'),
        store.write(async (tx) => {
          await insert(tx, 'b')
          throw new Error('changed its mind')
        }),
        put(store, 'c'),
      ])

      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.deepEqual(await names(store), ['a', 'c'])
    })

    it('undoes a unit of which the last write fails, and it alone', async () => {
      await using opened = await open()
      const { store } = opened
      const undone: string[] = []

      const outcomes = await Promise.allSettled(
        ['a', 'b', 'a', 'c'].map((name) =>
          store.write((tx) => insert(tx, name), { undo: () => undone.push(name) }),
        ),
      )

      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      )
      assert.deepEqual(await names(store), ['a', 'b', 'c'])
      // One that throws has undone its own.
      assert.ok(undone.every((name) => name === 'a') && undone.length <= 1, undone.join())
    })

    it('writes what the units say that succeed, and nothing of the others, whatever they write and read', async () => {
      await using opened = await open()
      await fc.assert(
        fc.asyncProperty(fc.array(unitOfWrites, { maxLength: 6 }), async (units) => {
          await opened.store.write((tx) => tx.deleteFrom('settings').execute())
          const outcomes = await Promise.allSettled(
            units.map((writes) => opened.store.write((tx) => perform(tx, writes))),
          )
          const expected = fold(units)
          assert.deepEqual(
            outcomes.map((outcome) => ('value' in outcome ? outcome.value : 'rejected')),
            expected.outcomes,
          )
          assert.deepEqual(await names(opened.store), expected.names)
        }),
        { numRuns: 50 },
      )
    })

    it('shows a unit what those before it in the group have written, and readers nothing of it', async () => {
      await using opened = await open()
      const { store } = opened
      const seen: string[][] = []

      const first = put(store, 'a')
      const second = store.write(async (tx) => {
        seen.push(await names({ reader: tx }), await names(store))
      })
      await Promise.all([first, second])

      assert.deepEqual(seen, [['a'], []])
    })

    it('calls hooks in the order of the units, before their promises resolve', async () => {
      await using opened = await open()
      const calls: string[] = []

      const write = (name: string): Promise<void> =>
        opened.store
          .write((tx) => insert(tx, name), { committed: () => calls.push(`${name} committed`) })
          .then(() => {
            calls.push(`${name} resolved`)
          })
      await Promise.all([write('a'), write('b')])

      assert.deepEqual(calls, ['a committed', 'b committed', 'a resolved', 'b resolved'])
    })

    it('reads back any text, and sorts texts by their bytes', async () => {
      await using opened = await open()
      const { store } = opened
      const texts = ['a', 'B', 'ä', 'Z', '\0', '\u0001', '\u0001\u0001', 'a\0b', '\u{1f600}', '']

      await Promise.all(texts.map((text) => put(store, text)))

      assert.deepEqual(
        await names(store),
        texts.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
      )
    })

    it('takes a list without members for one that nothing is in', async () => {
      await using opened = await open()
      const none = opened.store.reader.selectFrom('settings').select('name').where('name', 'in', [])
      assert.deepEqual(await none.execute(), [])
    })

    it('takes the longest key with the longest target, and what a large unit has changed', async () => {
      await using opened = await open()
      // Of which no two parts are alike: an index would compress them.
      const noise = (chars: number, from: number) =>
        String.fromCodePoint(
          ...Array.from({ length: chars }, (_, at) => 0x20000 + ((at * 7_919 + from) % 40_000)),
        )
      await opened.store.write(async (tx) => {
        await tx
          .insertInto('tenants')
          .values({ id: 'ten_1', name: 'default', created_at: 0 })
          .execute()
        await tx
          .insertInto('data_entries')
          .values({
            id: 'ent_1',
            tenant_id: 'ten_1',
            key: noise(512, 0),
            target: `selector:${noise(512, 9)}`,
            version: 1,
            updated_at: 0,
            content_type: 'text/plain',
            payload: '""',
          })
          .execute()
        await tx
          .insertInto('events')
          .values({
            seq: 1,
            event_id: '',
            event_type: '',
            audience: new Uint8Array([1, 2]),
            payload: '',
            created_at: 0,
            changes: noise(9_000, 3),
          })
          .execute()
      })
      const [event] = await opened.store.reader.selectFrom('events').selectAll().execute()
      assert.deepEqual([event?.seq, event && [...event.audience]], [1, [1, 2]])
    })
  })

/** The insert of a name, which fails if it is there; its change, which need not meet a row; and a look at what is there. */
type Write = { does: 'insert' | 'change'; name: string } | { does: 'look' }

const name = fc.constantFrom('a', 'b', 'c', 'd')
const unitOfWrites = fc.array(
  fc.oneof(
    fc.record({ does: fc.constantFrom('insert' as const, 'change' as const), name }),
    fc.record({ does: fc.constant('look' as const) }),
  ),
  { maxLength: 5 },
)

/** Resolves to what it has seen. */
async function perform(tx: Tx, writes: readonly Write[]): Promise<string[]> {
  const seen: string[] = []
  for (const write of writes)
    if (write.does === 'insert') await insert(tx, write.name)
    else if (write.does === 'look') seen.push((await names({ reader: tx })).join(''))
    else
      await tx
        .updateTable('settings')
        .set({ value: 'changed' })
        .where('name', '=', write.name)
        .execute()
  return seen
}

/** What should become of units that run one after another. */
function fold(units: readonly (readonly Write[])[]) {
  const there = new Set<string>()
  const outcomes = units.map((writes) => {
    const draft = new Set(there)
    const seen: string[] = []
    for (const write of writes)
      if (write.does === 'look') seen.push([...draft].sort().join(''))
      else if (write.does === 'insert') {
        if (draft.has(write.name)) return 'rejected'
        draft.add(write.name)
      }
    for (const name of draft) there.add(name)
    return seen
  })
  return { outcomes, names: [...there].sort() }
}
