import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '../log/log.ts'
import { runModule } from '../testing/child.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { createTrimRule, startMemoryReturn } from './return-memory.ts'

const megabyte = 1024 ** 2
const [index, fakeClock, returnMemory] = [
  '../index.ts',
  '../testing/fake-clock.ts',
  './return-memory.ts',
].map((path) => JSON.stringify(import.meta.resolve(path)))

describe('createTrimRule', () => {
  /** The sizes at which it gives back, when that leaves so much. */
  const worthAt = (sizes: number[], left: number) => {
    const rule = createTrimRule(60 * megabyte)
    return sizes.filter((size) => {
      const isWorthIt = rule.isWorthIt(size * megabyte)
      if (isWorthIt) rule.needs(left * megabyte)
      return isWorthIt
    })
  }

  it('gives back when it has grown and grows no more', () => {
    assert.deepEqual(worthAt([100, 102, 95, 99, 200, 300, 302, 102, 108], 90), [102, 302])
  })

  it('gives back again what a burst took that went on meanwhile', () => {
    assert.deepEqual(worthAt([200, 200, 190, 110, 110], 100), [200, 190])
  })

  it('does not ask again for what is needed', () => {
    assert.deepEqual(worthAt([200, 200, 200, 200, 201], 198), [200])
  })
})

describe('startMemoryReturn', () => {
  // In a process of its own: what others do beside it moves the size too.
  it('leaves to the system what nobody uses, though something lies behind it', async () => {
    const { stdout, stderr } = await runModule(`
      import { silentLog } from ${index}
      import { createFakeClock } from ${fakeClock}
      import { startMemoryReturn } from ${returnMemory}
      const clock = createFakeClock()
      const debug = (_message, fields) => console.log(JSON.stringify(fields))
      using _ = startMemoryReturn({ clock, log: { ...silentLog, debug } })
      await clock.advance(30_000)
      const pieces = Array.from({ length: 2_000 }, () => new Uint8Array(60_000).fill(1))
      // Freed at once, and not when the garbage is collected.
      const kept = pieces.filter((piece, index) => index % 20 === 0 || !piece.buffer.transfer(0))
      await clock.advance(60_000)
      console.assert(kept[0][0] === 1)
    `)
    assert.equal(stderr, '')
    const [first = '{}'] = stdout.split('\n')
    assert.ok((JSON.parse(first) as { bytes: number }).bytes > 50 * megabyte, stdout)
  })

  it('goes on where the C library cannot', async () => {
    const clock = createFakeClock()
    const sizes = [100, 200, 200, 200, 200].map((size) => size * megabyte)
    const lines: string[] = []
    using _ = startMemoryReturn({
      clock,
      log: { ...silentLog, debug: (message) => lines.push(message) },
      rssBytes: () => sizes.shift() ?? 0,
      trim: async () => {
        throw new Error('no such function')
      },
    })
    await clock.advance(90_000)
    assert.deepEqual(lines, ['memory cannot be given back'])
  })
})
