import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { damagedIn } from '../../../store/side/set-aside.ts'
import { makeTemporaryFolder } from '../../../testing/temporary-folder.ts'
import { bucketOf } from '../hours/bucket.ts'
import { emptyHour, encodeHour, type Hour, storedHour } from '../hours/hour.ts'
import { hourMs } from '../hours/place.ts'
import { openSeriesFile } from './file.ts'

const series = Array.from({ length: 40 }, (_, at) => `shop.orders{shop="${at}"}`)
const hourOf = (value: number) => ({
  series: new Map(series.map((key, at) => [key, new Map([[0, bucketOf(value * at, 1)]])])),
  programs: series.length,
})

const headsOf = (startMs: number, hour: Hour) =>
  new Map([['n_web', { firstId: 1, lastId: 1, points: 40, hours: new Map([[startMs, hour]]) }]])

describe('an hour of series that is damaged on the disk', () => {
  it('is said once when it is met, shown, and left out at the next start; the others stay', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'series.db')
    const warnings: Record<string, unknown>[] = []
    const open = () =>
      openSeriesFile(path, {
        room: { own: 100, programs: 100 },
        onLeftOut: () => assert.fail('there is room'),
        log: { warn: (message, fields = {}) => void warnings.push({ message, ...fields }) },
      })
    const read = async (file: ReturnType<typeof open>) =>
      (await file.read('n_web', { fromMs: 0, toMs: 9e15 })).hours
    {
      await using file = open()
      const writer = await file.begin(Number.POSITIVE_INFINITY)
      for (const at of [0, hourMs, 2 * hourMs]) await writer.add(headsOf(at, hourOf(3)))
      await writer.finish(3)
    }
    flipBit(path, hourMs)
    {
      await using file = open()
      assert.equal(warnings.length, 0, 'nobody has read it yet')
      for (let time = 0; time < 2; time++) assert.equal((await read(file)).get(hourMs)?.programs, 0)
      assert.equal(warnings.length, 1)
      assert.match(
        String(warnings[0]?.error),
        /^the metrics of "n_web" in the hour from 1970-01-01T01:00:00\.000Z cannot be read: their checksum/,
      )
      assert.deepEqual(damagedIn(folder.path), { setAside: [], suspect: ['series.db'] })
    }
    await using file = open()
    assert.partialDeepStrictEqual(warnings[1], { damaged_hours: 1, moved: `${path}.damaged` })
    assert.deepEqual([...(await read(file)).keys()], [0, 2 * hourMs])
    assert.deepEqual(damagedIn(folder.path), { setAside: ['series.db.damaged'], suspect: [] })
  })

  it('is kept for what comes, though what it had is lost, and that is said', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'series.db')
    const warnings: string[] = []
    const options = { room: { own: 100, programs: 100 }, onLeftOut: assert.fail }
    const log = { warn: (message: string) => void warnings.push(message) }
    const heads = headsOf(0, hourOf(1))
    {
      await using file = openSeriesFile(path, options)
      await (await file.begin(Number.POSITIVE_INFINITY)).add(heads)
    }
    flipBit(path, 0)
    await using file = openSeriesFile(path, { ...options, log })
    await (await file.begin(Number.POSITIVE_INFINITY)).add(heads)
    assert.equal(warnings.length, 1)
    const { hours } = await file.read('n_web', { fromMs: 0, toMs: 0 })
    assert.equal(hours.get(0)?.programs, series.length)
  })

  it('is known by any bit of it', () => {
    const bytes = encodeHour(hourOf(7), 0)
    assert.ok(storedHour(bytes, 0))
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const other = Uint8Array.from(bytes)
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const found = storedHour(other, 0)
      // Of the header of a frame some bits say nothing of what is in it.
      if (found) assert.deepEqual(found, storedHour(bytes, 0), `bit ${bit}`)
    }
    for (const junk of [new Uint8Array(), randomBytes(100)])
      assert.equal(storedHour(junk, 0), undefined)
    assert.deepEqual(storedHour(encodeHour(emptyHour(), 0), 0), emptyHour())
  })
})

/** In the last quarter of what the row has, where there is neither magic nor checksum. */
function flipBit(path: string, startMs: number): void {
  using database = new DatabaseSync(path)
  const row = database.prepare('select data from hours where start_ms = ?').get(startMs)
  const data = Uint8Array.from(row?.data as Uint8Array)
  const at = Math.floor(data.length * 0.75)
  data[at] = (data[at] ?? 0) ^ 1
  database.prepare('update hours set data = ? where start_ms = ?').run(data, startMs)
}
