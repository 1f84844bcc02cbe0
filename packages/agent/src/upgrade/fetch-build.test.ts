import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { type FetchOptions, fetchBuild } from './fetch-build.ts'

const content = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at % 251))
const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`

describe('fetchBuild', () => {
  it('goes on where it was interrupted, however often', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4_999 })), async (lengths) => {
        await using setup = await setUp()
        const cuts = [...lengths]
        const asked: number[] = []
        await setup.fetch({
          open: async (from) => {
            asked.push(from)
            return answer(from, cuts.shift())
          },
        })
        assert.deepEqual(readFileSync(setup.part), content)
        assert.deepEqual(
          asked,
          [...asked].sort((a, b) => a - b),
        )
        return asked.length <= lengths.length + 1
      }),
      { numRuns: 30 },
    )
  })

  it('starts over where the control plane does', async () => {
    await using setup = await setUp()
    writeFileSync(setup.part, 'what another answer began with, and longer than it')
    await setup.fetch({ open: async () => answer(0) })
    assert.deepEqual(readFileSync(setup.part), content)
  })

  it('takes a torn part as lost, and downloads it anew', async () => {
    await using setup = await setUp()
    writeFileSync(setup.part, Buffer.alloc(4_000))
    const asked: number[] = []
    await setup.fetch({
      open: async (from) => {
        asked.push(from)
        return answer(from)
      },
    })
    assert.deepEqual(asked, [3_999, 0])
    assert.deepEqual(readFileSync(setup.part), content)
  })

  const refusals: [string, Partial<FetchOptions>, RegExp][] = [
    [
      'lies about its checksum',
      {
        checksum: `sha256:${'0'.repeat(64)}`,
        open: async () => ({ ...answer(0), checksum: `sha256:${'0'.repeat(64)}` }),
      },
      /is not the build with/,
    ],
    [
      'is announced as another one',
      { open: async () => ({ ...answer(0), checksum: 'sha256:00' }) },
      /another build there, with sha256:00/,
    ],
    [
      'is larger than announced',
      { open: async () => ({ ...answer(0), size: 100 }) },
      /more than the 100 bytes/,
    ],
    ['is larger than allowed', { maxBytes: 4_999 }, /has 5000 bytes, 4999 are allowed/],
    [
      'says no size',
      { open: async () => ({ ...answer(0), size: Number.NaN }) },
      /NaN bytes, 10000 are allowed/,
    ],
    [
      'does not fit on the disk',
      { open: async () => ({ ...answer(0), size: 2 ** 60 }), maxBytes: 2 ** 61 },
      /no room for it: 1152921504623624200 bytes/,
    ],
    [
      'is signed by a stranger',
      {
        check: () => {
          throw new Error('not ours')
        },
      },
      /not ours/,
    ],
    [
      'does not exist',
      {
        open: async () => {
          throw new ApiError('not_found', 'there is no plexd 9.9.9', { details: { error: 'x' } })
        },
      },
      /there is no plexd 9\.9\.9/,
    ],
  ]
  for (const [what, changes, message] of refusals)
    it(`refuses what ${what}, at the first attempt`, async () => {
      await using setup = await setUp()
      await assert.rejects(setup.fetch(changes), message)
      assert.equal(existsSync(setup.part) && readFileSync(setup.part).length === 5_000, false)
    })

  it('ends with its signal while the control plane is away', async () => {
    await using setup = await setUp()
    const stop = new AbortController()
    let attempts = 0
    const open = async () => {
      if (++attempts === 3) stop.abort(new Error('no longer wanted'))
      throw new Error('connection refused')
    }
    await assert.rejects(setup.fetch({ open, signal: stop.signal }), /no longer wanted/)
  })
})

/** The rest of the content, which breaks off after some bytes. */
function answer(from: number, cutAfter = Number.POSITIVE_INFINITY) {
  const bytes = content.subarray(from)
  async function* chunks() {
    yield bytes.subarray(0, Math.min(cutAfter, bytes.length))
    if (cutAfter < bytes.length) throw new Error('aborted')
  }
  return { size: content.length, from, checksum, signature: '', chunks: chunks() }
}

async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const part = join(folder, 'part')
  const fake = createFakeClock()
  return {
    part,
    fetch: (changes: Partial<FetchOptions>) =>
      fetchBuild({
        part,
        checksum,
        maxBytes: 10_000,
        open: async (from) => answer(from),
        check: () => {},
        signal: new AbortController().signal,
        clock: { ...fake, sleep: async () => {} },
        log: silentLog,
        ...changes,
      }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
