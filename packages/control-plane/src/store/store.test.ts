import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Databases, dialects } from '../testing/databases.ts'
import type { Store } from './db.ts'
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
