import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { aSmallDisk } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { openQueue, type Queue, type QueueOptions } from './queue.ts'

const everything = { items: 1_000, bytes: 1e9 }

describe('a queue', () => {
  it('gives the oldest first, until they are removed', async () => {
    await using place = await aPlace()
    await using queue = await place.open()
    await queue.append(['a', 'b'])
    await queue.append(['c'])
    assert.deepEqual(await valuesIn(queue), ['a', 'b', 'c'])
    const [first] = await queue.read({ items: 1, bytes: 1e9 })
    assert.equal(first?.value, 'a')
    const [second] = await queue.read({ items: 1, bytes: 1e9 }, new Set([first.number]))
    assert.equal(second?.value, 'b')
    await queue.remove([second.number])
    assert.deepEqual(await valuesIn(queue), ['a', 'c'])
    assert.equal(queue.waiting().items, 2)
  })

  it('reads as much as is wanted, and one item however large', async () => {
    await using place = await aPlace()
    await using queue = await place.open()
    await queue.append(['x'.repeat(1_000), 'y'.repeat(1_000), 'z'])
    assert.equal((await queue.read({ items: 9, bytes: 10 })).length, 1)
    assert.equal((await queue.read({ items: 9, bytes: 2_150 })).length, 2)
    assert.equal((await queue.read({ items: 2, bytes: 1e9 })).length, 2)
  })

  it('has what was added, and not what was removed, when it is opened again', async () => {
    await using place = await aPlace()
    {
      await using queue = await place.open()
      await queue.append(['a', 'b', 'c'])
      await remove(queue, 'b')
    }
    await using queue = await place.open()
    assert.deepEqual(await valuesIn(queue), ['a', 'c'])
    await queue.append(['d'])
    assert.deepEqual(await valuesIn(queue), ['a', 'c', 'd'])
  })

  it('puts, adds and removes in one write, and shows all of it', async () => {
    await using place = await aPlace()
    await using queue = await place.open()
    const { numbers } = await queue.change({ added: ['a', 'b', 'c'] })
    const [a = 0, b = 0] = numbers
    const changed = await queue.change({
      put: [
        { number: a, value: 'longer than a' },
        { number: 99, value: 'it does not wait' },
      ],
      added: ['d'],
      removed: [b],
    })
    assert.equal(changed.isOnDisk, true)
    assert.deepEqual(await valuesIn(queue), ['longer than a', 'c', 'd'])
    assert.deepEqual(await queue.get([b, a]), [{ number: a, value: 'longer than a' }])
    const seen: string[] = []
    await queue.each(({ value }) => seen.push(value))
    assert.deepEqual(seen, await valuesIn(queue))
    const { bytes } = queue.waiting()
    await using again = await place.open()
    assert.deepEqual([await valuesIn(again), again.waiting().bytes], [seen, bytes])
  })

  it('removes files of which nothing waits', async () => {
    await using place = await aPlace()
    await using queue = await place.open()
    for (let round = 0; round < 5; round++) {
      await queue.append(Array.from({ length: 10 }, () => 'x'.repeat(100_000)))
      await queue.remove((await queue.read(everything)).map(({ number }) => number))
    }
    assert.deepEqual(place.files(), [])
    await queue.append(['after'])
    assert.deepEqual(await valuesIn(queue), ['after'])
  })

  it('keeps no old file for an item that cannot be sent, and keeps its order', async () => {
    await using place = await aPlace()
    {
      await using queue = await place.open()
      await queue.append(['stuck'])
      for (let round = 0; round < 12; round++) {
        await queue.append([`${round} ${'x'.repeat(1_000_000)}`])
        const [, sent] = await queue.read({ items: 2, bytes: 1e9 })
        await queue.remove([sent?.number ?? 0])
      }
      await queue.append(['last'])
      assert.ok(place.bytes() < 8e6, `${place.bytes()} bytes`)
    }
    await using queue = await place.open()
    assert.deepEqual(await valuesIn(queue), ['stuck', 'last'])
  })

  it('drops the oldest for want of room, and counts them', async () => {
    await using place = await aPlace()
    await using queue = await place.open({ limit: { bytes: 1e6, items: 3 } })
    await queue.append(['a', 'b', 'c'])
    await queue.append(['d', 'e'])
    assert.deepEqual(await valuesIn(queue), ['c', 'd', 'e'])
    assert.equal(queue.waiting().dropped, 2)
    await assert.rejects(queue.append(['1', '2', '3', '4']), { name: 'QueueFull' })
  })

  it('or refuses the newest, and takes it when there is room', async () => {
    await using place = await aPlace()
    await using queue = await place.open({ limit: { bytes: 1_000 }, whenFull: 'refuse newest' })
    await queue.append(['x'.repeat(800)])
    await assert.rejects(queue.append(['y'.repeat(800)]), {
      message: 'queue "things" is full: 1 items wait',
    })
    await remove(queue, 'x'.repeat(800))
    assert.equal(await queue.append(['y'.repeat(800)]), true)
  })

  it('tells of damage, and loses no more than what is damaged', async () => {
    await using place = await aPlace()
    {
      await using queue = await place.open()
      await queue.append(['first', 'second', 'third'])
    }
    place.change((text) => text.replace('second', 'sEcond'))
    const told: number[] = []
    await using queue = await place.open({ onDamage: (places) => told.push(places) })
    assert.deepEqual(told, [1])
    assert.deepEqual(await valuesIn(queue), ['first', 'third'])
  })

  it('drops what an earlier plexd left and this one cannot read', async () => {
    await using place = await aPlace()
    {
      await using queue = await place.open()
      await queue.append(['old', 'new'])
    }
    await using queue = await place.open({
      isItem: (value): value is string => value === 'new',
    })
    assert.deepEqual(await valuesIn(queue), ['new'])
  })

  it('begins behind the last complete line after a crash', async () => {
    await using place = await aPlace()
    {
      await using queue = await place.open()
      await queue.append(['first', 'second'])
    }
    place.change((text) => text.slice(0, -3))
    {
      await using queue = await place.open({ onDamage: () => assert.fail('it is torn') })
      await queue.append(['third'])
    }
    await using queue = await place.open({ onDamage: () => assert.fail('it was repaired') })
    assert.deepEqual(await valuesIn(queue), ['first', 'third'])
  })

  it('goes on in memory while the disk is full, and writes that when there is room', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return void t.skip('mounting a tmpfs needs root')
    await using place = await aPlace(disk.path)
    let failures = 0
    {
      await using queue = await place.open({ onFailure: () => failures++ })
      assert.equal(await queue.append(['before']), true)
      await disk.fill()
      assert.equal(await queue.append(['x'.repeat(50_000)]), false)
      assert.equal(failures, 1)
      await remove(queue, 'before')
      assert.equal(await queue.append(['beside']), false)
      assert.deepEqual(await valuesIn(queue), ['x'.repeat(50_000), 'beside'])
      {
        await using again = await place.open()
        assert.deepEqual(await valuesIn(again), ['before'], 'nothing is half-written')
      }
      await disk.clear()
      await queue.flush()
      assert.equal(await queue.append(['after']), true)
    }
    await using queue = await place.open()
    assert.deepEqual(await valuesIn(queue), ['x'.repeat(50_000), 'beside', 'after'])
  })

  it('makes room on a full disk by removing files of which nothing waits', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return void t.skip('mounting a tmpfs needs root')
    await using place = await aPlace(disk.path)
    await using queue = await place.open()
    const { numbers } = await queue.change({ added: ['x'.repeat(100_000)] })
    await disk.fill()
    const more = 'y'.repeat(50_000)
    assert.equal(await queue.append([more]), false)
    assert.equal((await queue.change({ removed: numbers })).isOnDisk, true)
    assert.deepEqual(await valuesIn(queue), [more])
  })

  it('is what a list would be, over any sequence of additions, replacements, removals and starts', async () => {
    const step = fc.oneof(
      fc.record({ add: fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 3 }) }),
      fc.record({ remove: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }) }),
      fc.record({ put: fc.nat(5), length: fc.integer({ min: 1, max: 400_000 }) }),
      fc.record({ reopen: fc.constant(true) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using place = await aPlace()
        let queue = await place.open()
        let list: string[] = []
        let count = 0
        for (const each of steps) {
          if ('add' in each) {
            const items = each.add.map((length) => `${count++} ${'x'.repeat(length)}`)
            await queue.append(items)
            list.push(...items)
          } else if ('put' in each) {
            const found = (await queue.read(everything))[each.put]
            const value = `${count++} ${'x'.repeat(each.length)}`
            await queue.change({ put: found ? [{ ...found, value }] : [], added: [`+${value}`] })
            list = [...list.map((old) => (old === found?.value ? value : old)), `+${value}`]
          } else if ('remove' in each) {
            const gone = each.remove.flatMap((at) => list[at] ?? [])
            for (const value of new Set(gone)) await remove(queue, value)
            list = list.filter((value) => !gone.includes(value))
          } else {
            await queue[Symbol.asyncDispose]()
            queue = await place.open({ onDamage: () => assert.fail('damaged') })
          }
          assert.deepEqual(await valuesIn(queue), list)
        }
        await queue[Symbol.asyncDispose]()
      }),
      { numRuns: 20 },
    )
  })
})

interface Place extends AsyncDisposable {
  open(options?: Partial<QueueOptions<string>>): Promise<Queue<string>>
  files(): string[]
  /** What they take. */
  bytes(): number
  /** Edits the only file. */
  change(edit: (text: string) => string): void
}

async function aPlace(inFolder = tmpdir()): Promise<Place> {
  const folder = await mkdtemp(join(inFolder, 'plexd-queue-'))
  const files = () =>
    readdirSync(join(folder, 'things')).map((name) => join(folder, 'things', name))
  return {
    open: (options) =>
      openQueue<string>(folder, {
        name: 'things',
        isItem: (value) => typeof value === 'string',
        limit: { bytes: 64 * 1024 * 1024 },
        whenFull: 'drop oldest',
        log: silentLog,
        ...options,
      }),
    files,
    bytes: () => files().reduce((sum, path) => sum + readFileSync(path).length, 0),
    change(edit) {
      const [path = ''] = files()
      writeFileSync(path, edit(readFileSync(path, 'utf8')))
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function valuesIn(queue: Queue<string>): Promise<string[]> {
  return (await queue.read(everything)).map(({ value }) => value)
}

async function remove(queue: Queue<string>, wanted: string): Promise<void> {
  const found = (await queue.read(everything)).filter(({ value }) => value === wanted)
  await queue.remove(found.map(({ number }) => number))
}
