import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { openArtifactFiles } from './files.ts'
import { openPostgresArtifacts } from './postgres-store.ts'
import type { ArtifactName, ArtifactStore, Bytes } from './store.ts'
import { makeBucketPlace } from './testing/bucket-place.ts'
import { noS3 } from './testing/s3-server.ts'

const name = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const maxBytes = 1_000_000
/** Longer than what is kept as one piece, wherever that is. */
const binary = Buffer.from(Uint8Array.from({ length: 700_001 }, (_, at) => at % 251))

interface Place extends AsyncDisposable {
  /** As each start does. */
  open(isKnown?: boolean): Promise<ArtifactStore>
  /** How many uploads there are without a name. */
  unnamed(): Promise<number>
  /** An upload of the day before yesterday, of which only the beginning came. */
  leaveHalf(): Promise<void>
}

const forms = [
  { form: 'files', skip: false, makePlace: makeFolder },
  { form: 'PostgreSQL', skip: noPostgres, makePlace: makeDatabase },
  { form: 'a bucket', skip: noS3, makePlace: makeBucketPlace },
]

for (const { form, skip, makePlace } of forms)
  describe(`artifacts in ${form}`, { skip }, () => {
    it('are kept under their name, with the checksum of what came', async () => {
      await using place = await makePlace()
      const store = await place.open()
      const received = await store.receive(pieces('pl', 'exd'), { maxBytes })
      assert.deepEqual([received.size, received.checksum], [5, checksumOf('plexd')])
      assert.equal(await store.open(name), undefined)
      await received.keep(name)
      assert.equal(String(await read(store, name)), 'plexd')
    })

    it('are read in any part', async () => {
      await using place = await makePlace()
      const store = await place.open()
      await keep(store, binary)
      const last = binary.length - 1
      for (const [start, end] of [
        [0, 0],
        [0, last],
        [131_071, 131_072],
        [262_144, 262_144],
        [100_000, 600_000],
        [last, last],
      ] as const)
        assert.ok((await read(store, name, { start, end })).equals(binary.subarray(start, end + 1)))
    })

    it('have the expected checksum in either form, or are refused', async () => {
      await using place = await makePlace()
      const store = await place.open()
      const hex = checksumOf('plexd').slice('sha256:'.length)
      for (const expectedChecksum of [hex, hex.toUpperCase(), `sha256:${hex}`]) {
        await using received = await store.receive(pieces('plexd'), { maxBytes, expectedChecksum })
        assert.equal(received.size, 5)
      }
      const wrong = store.receive(pieces('other'), { maxBytes, expectedChecksum: hex })
      await assert.rejects(wrong, { code: 'bad_request', message: /^checksum mismatch/ })
      assert.equal(await place.unnamed(), 0)
    })

    it('leave nothing of an upload that is too large, empty, cut off or not kept', async () => {
      await using place = await makePlace()
      const store = await place.open()
      await assert.rejects(store.receive(pieces('123', '456'), { maxBytes: 5 }), {
        code: 'payload_too_large',
      })
      await assert.rejects(store.receive(pieces(), { maxBytes }), { code: 'bad_request' })
      await assert.rejects(store.receive(cutOff(), { maxBytes }), /aborted/)
      await (await store.receive(pieces('1'), { maxBytes }))[Symbol.asyncDispose]()
      assert.equal(await place.unnamed(), 0)
    })

    it('outlast the end of their upload and a start, which clears what an earlier run left half done', async () => {
      await using place = await makePlace()
      const store = await place.open()
      {
        await using received = await store.receive(pieces('plexd'), { maxBytes })
        await received.keep(name)
      }
      await place.leaveHalf()
      assert.equal(await place.unnamed(), 1)
      assert.equal(String(await read(await place.open(), name)), 'plexd')
      assert.equal(await place.unnamed(), 0)
    })

    it('give their place to another of the same name, and are gone when they are removed', async () => {
      await using place = await makePlace()
      const store = await place.open()
      await keep(store, binary)
      await keep(store, Buffer.from('other'))
      assert.equal(String(await read(store, name)), 'other')
      await store.remove(name, checksumOf('other'))
      assert.equal(await store.open(name), undefined)
      await store.remove(name, checksumOf('other'))
      assert.equal(await place.unnamed(), 0)
    })

    it('have names that are file names', async () => {
      await using place = await makePlace()
      const store = await place.open()
      await using received = await store.receive(pieces('plexd'), { maxBytes })
      for (const version of ['..', '.', '', 'a/b', '../x', 'a\u0000', '.hidden', 'x'.repeat(129)]) {
        const wrong = { ...name, version }
        await assert.rejects(store.open(wrong), { code: 'bad_request' })
        await assert.rejects(async () => received.keep(wrong), { code: 'bad_request' })
      }
    })

    it('are changed by one at a time', async () => {
      await using place = await makePlace()
      const store = await place.open()
      const steps: string[] = []
      const work = (step: string) => async (): Promise<void> => {
        steps.push(step)
        await turn()
        steps.push(step)
        if (step === 'a') throw new Error('it broke')
      }
      const [first] = await Promise.allSettled(
        ['a', 'b', 'c'].map((one) => store.exclusive(work(one))),
      )
      assert.equal(first?.status, 'rejected')
      assert.deepEqual(steps, ['a', 'a', 'b', 'b', 'c', 'c'])
    })
  })

describe('artifacts in files, after a crash', () => {
  it('are gone if their row was never written, and nothing else is', async () => {
    await using folder = await makeTemporaryFolder()
    const open = (known: readonly string[]) =>
      openArtifactFiles(folder.path, async ({ version }) => known.includes(version))
    const store = await open([])
    for (const version of ['1.4.0', '1.5.0', '1.6.0']) {
      await using received = await store.receive(pieces(version), { maxBytes })
      await received.keep({ ...name, version })
    }
    const others = ['plexd/note', 'plexd/1.6.0/note', 'plexd/1.6.0/linux/deeper/note']
    await mkdir(join(folder.path, 'plexd/1.6.0/linux/deeper'))
    for (const other of others) await writeFile(join(folder.path, other), 'x')

    const again = await open(['1.5.0'])

    assert.equal(String(await read(again, { ...name, version: '1.5.0' })), '1.5.0')
    for (const version of ['1.4.0', '1.6.0'])
      assert.equal(await again.open({ ...name, version }), undefined)
    for (const other of others) assert.equal(String(await readFile(join(folder.path, other))), 'x')
  })
})

describe('artifacts in PostgreSQL, of several control planes', { skip: noPostgres }, () => {
  it('are not taken from who is receiving them when another one starts', async () => {
    await using place = await makeDatabase()
    const { promise, resolve } = Promise.withResolvers<void>()
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield binary
      await place.open()
      resolve()
      yield Buffer.from('end')
    }
    const received = await (await place.open()).receive(slowly(), { maxBytes })
    await promise
    await received.keep(name)
    assert.equal((await read(await place.open(), name)).length, binary.length + 3)
  })

  it('go at a later start if their row was never written', async () => {
    await using place = await makeDatabase()
    await keep(await place.open(), binary)
    assert.notEqual(await (await place.open(false)).open(name), undefined)
    place.age()
    assert.notEqual(await (await place.open(true)).open(name), undefined)
    assert.equal(await (await place.open(false)).open(name), undefined)
    assert.equal(place.chunks(), 0)
  })

  it('have their name when the answer to that is lost, and otherwise leave nothing', async () => {
    await using place = await makeDatabase()
    const { store, way } = await place.openByWay()
    await using _way = way
    for (const when of ['before', 'after'] as const) {
      {
        await using received = await store.receive(ReadableStream.from([binary]), { maxBytes })
        way.cutNext(when)
        await assert.rejects(received.keep(name), { status: 503 })
      }
      const isThere = (await store.open(name)) !== undefined
      assert.equal(isThere, when === 'after')
      if (!isThere) assert.equal(place.chunks(), 0)
    }
    assert.ok((await read(store, name)).equals(binary))
  })

  it('hold nothing of the database and a chunk of memory while a client is slow', async () => {
    await using place = await makeDatabase()
    const store = await place.open()
    await keep(store, binary)
    const stream = (await store.open(name))?.read({ start: 0, end: binary.length - 1 })
    assert.ok(stream)
    stream.read()
    await new Promise((resolve) => stream.once('readable', resolve))
    await turn()
    assert.ok(stream.readableLength <= 128 * 1024, `${stream.readableLength} bytes`)
    assert.equal(place.busy(), 0)
    await store.remove(name, checksumOf('other'))
    await assert.rejects(buffer(stream), /it was removed meanwhile/)
  })
})

/** What the names stand for in the database is not asked here. */
async function makeDatabase() {
  const server = await startPostgres()
  const url = server.createDatabase()
  const stores = new AsyncDisposableStack()
  const count = (query: string): number => Number(server.psql(url, `select count(*) from ${query}`))
  const before = "now() - interval '2 days'"
  return {
    async open(isKnown = true): Promise<ArtifactStore> {
      const options = { isKnown: async () => isKnown, lockWaitMs: 500 }
      return stores.use(await openPostgresArtifacts({ url }, options))
    },
    /** By a way that can be cut. */
    async openByWay() {
      const way = await server.cuttable(url)
      const isKnown = async (): Promise<boolean> => true
      return { way, store: stores.use(await openPostgresArtifacts({ url: way.url }, { isKnown })) }
    },
    unnamed: async () => count('artifact_contents where version is null'),
    async leaveHalf() {
      server.psql(url, `insert into artifact_contents (id, created_at) values ('half', ${before})`)
      server.psql(url, "insert into artifact_chunks values ('half', 0, 'x')")
    },
    age: () => void server.psql(url, `update artifact_contents set created_at = ${before}`),
    chunks: () => count('artifact_chunks'),
    /** Sessions that do anything, or hold a transaction. */
    busy: () =>
      count(
        "pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()",
      ),
    async [Symbol.asyncDispose]() {
      await stores.disposeAsync()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function makeFolder(): Promise<Place> {
  const folder = await makeTemporaryFolder()
  const incoming = join(folder.path, 'incoming')
  return {
    open: (isKnown = true) => openArtifactFiles(folder.path, async () => isKnown),
    unnamed: async () => (await readdir(incoming)).length,
    leaveHalf: () => writeFile(join(incoming, 'half'), 'x'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function keep(store: ArtifactStore, content: Buffer): Promise<void> {
  const half = content.length >> 1
  const parts = [content.subarray(0, half), content.subarray(half)]
  const received = await store.receive(ReadableStream.from(parts), { maxBytes })
  await received.keep(name)
}

async function read(store: ArtifactStore, of: ArtifactName, bytes?: Bytes): Promise<Buffer> {
  const file = await store.open(of)
  assert.ok(file)
  return buffer(file.read(bytes ?? { start: 0, end: file.size - 1 }))
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function* cutOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('begin')
  throw new Error('aborted')
}

function checksumOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
