import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { bucketPlace } from '../../config/settings/artifacts.ts'
import type { ArtifactName, ArtifactStore } from '../store.ts'
import { makeBucketPlace } from '../testing/bucket-place.ts'
import { noS3, startS3 } from '../testing/s3-server.ts'
import { openBucket } from './bucket.ts'
import { examineBucket } from './examine.ts'
import { listObjects } from './objects.ts'

const name = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const other = { ...name, arch: 'arm64' }
const maxBytes = 100_000_000
/** Of several parts. */
const large = Buffer.alloc(18_000_001, 'plexd ')

describe('artifacts in a bucket', { skip: noS3 }, () => {
  it('are put together of their parts, and read in a part that crosses them', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    await keep(store, name, large)
    assert.deepEqual(await place.objects(), [place.keys().of(checksumOf(large))])
    const found = await store.open(name)
    assert.equal(found?.size, large.length)
    const [start, end] = [8_388_600, 17_000_000]
    const part = found?.read({ start, end })
    assert.ok(part && (await buffer(part)).equals(large.subarray(start, end + 1)))
  })

  it('leave no part of an upload that is too large, or breaks off', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    const tooLarge = store.receive(ReadableStream.from([large]), { maxBytes: large.length - 1 })
    await assert.rejects(tooLarge, { code: 'payload_too_large' })
    async function* cutOff(): AsyncGenerator<Uint8Array> {
      yield large
      assert.equal(await place.unnamed(), 1)
      throw new Error('aborted')
    }
    await assert.rejects(store.receive(cutOff(), { maxBytes }), /aborted/)
    const expectedChecksum = checksumOf(Buffer.from('other'))
    const wrong = store.receive(ReadableStream.from([large]), { maxBytes, expectedChecksum })
    await assert.rejects(wrong, /checksum mismatch/)
    assert.equal(await place.unnamed(), 0)
    assert.deepEqual(await place.objects(), [])
  })

  it('are one object for the same bytes, until the last name of them is gone', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    for (const one of [name, other]) await keep(store, one, Buffer.from('same'))
    assert.equal((await place.objects()).length, 1)
    const checksum = checksumOf(Buffer.from('same'))
    await store.remove(name, checksum)
    assert.equal(await store.open(name), undefined)
    assert.equal(String(await read(store, other)), 'same')
    await store.remove(other, checksum)
    assert.deepEqual(await place.objects(), [])
  })

  it('are those of one installation, whatever another one in the bucket does', async () => {
    await using place = await makeBucketPlace()
    const [own, others] = [await place.open(), await place.open(true, 'tn_other')]
    for (const store of [own, others]) await keep(store, name, Buffer.from('same'))
    await others.remove(name, checksumOf(Buffer.from('same')))
    place.age()
    await place.open(false, 'tn_other')
    assert.equal(String(await read(own, name)), 'same')
  })

  it('go at a later start if their row was never written, and not while they may be in use', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield large
      await place.open()
      yield Buffer.from('end')
    }
    const received = await store.receive(slowly(), { maxBytes })
    await received.keep(name)
    await place.open(false)
    assert.equal((await place.objects()).length, 1)
    place.age()
    await place.open(true)
    assert.equal((await place.objects()).length, 1)
    await place.open(false)
    assert.deepEqual(await place.objects(), [])
  })

  it('are refused while the store is away, and are there again when it is back', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    await keep(store, name, Buffer.from('plexd'))
    await place.server.end()
    const away = {
      status: 503,
      retryAfterSeconds: 10,
      message: /^use the artifact store: it does not answer/,
    }
    await assert.rejects(store.open(name), away)
    await assert.rejects(keep(store, other, Buffer.from('x')), away)
    const opened = await place.open()
    await place.server.start()
    assert.equal(String(await read(store, name)), 'plexd')
    assert.equal(String(await read(opened, name)), 'plexd')
  })

  it('go on where they were when the store is back in the middle, and otherwise break off', async () => {
    await using place = await makeBucketPlace()
    const store = await place.open()
    await keep(store, name, large)
    for (const isBack of [true, false]) {
      const stream = (await store.open(name))?.read({ start: 0, end: large.length - 1 })
      assert.ok(stream)
      const pieces: Buffer[] = []
      for (let got = 0; got < 1_000_000; ) {
        const piece: Buffer | null = stream.read()
        if (piece) pieces.push(piece)
        else await new Promise((resolve) => stream.once('readable', resolve))
        got += piece?.length ?? 0
      }
      assert.ok(stream.readableLength <= 256 * 1024, `${stream.readableLength} bytes`)
      await place.server.end()
      if (isBack) {
        await place.server.start()
        assert.ok(Buffer.concat([...pieces, await buffer(stream)]).equals(large))
      } else await assert.rejects(buffer(stream), { status: 503 })
    }
  })
})

describe('a bucket', { skip: noS3 }, () => {
  it('that is missing, or whose credentials are wrong, is named with what to do, once, and without a secret', async () => {
    await using server = await startS3()
    const url = await server.createBucket()
    const missing = bucketPlace(url.replace('bucket-0', 'none'))
    assert.equal(await examineBucket(bucketPlace(url)), undefined)
    assert.match((await examineBucket(missing))?.why ?? '', /there is no such bucket/)

    const told: string[] = []
    const tell = (message: string, fields?: object) =>
      void told.push(JSON.stringify({ message, ...fields }))
    const secret = process.env.AWS_SECRET_ACCESS_KEY
    process.env.AWS_SECRET_ACCESS_KEY = 'canary-wrong'
    try {
      using bucket = await openBucket(bucketPlace(url), { ...silentLog, warn: tell, info: tell })
      for (let time = 0; time < 2; time++)
        await assert.rejects(listObjects(bucket, ''), {
          status: 503,
          message: /no credentials that it accepts \(SignatureDoesNotMatch\)/,
        })
      assert.equal(told.length, 1)
      assert.match(told[0] ?? '', /bucket-0\/some\/prefix.*AWS_SECRET_ACCESS_KEY/)
      assert.doesNotMatch(told[0] ?? '', /canary/)
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = secret
    }
  })

  it('that is away is told of once, and so is its return', async () => {
    await using server = await startS3()
    const told: string[] = []
    const log = {
      ...silentLog,
      warn: (message: string) => void told.push(message),
      info: (message: string) => void told.push(message),
    }
    using bucket = await openBucket(bucketPlace(await server.createBucket()), log)
    await server.end()
    for (let time = 0; time < 2; time++) await assert.rejects(listObjects(bucket, ''))
    await server.start()
    await until('it answers', async () => (await listObjects(bucket, '')).length === 0)
    assert.deepEqual(told, [
      'artifact store not usable, artifacts are answered 503 until it is',
      'artifact store answers again',
    ])
  })
})

async function keep(store: ArtifactStore, as: ArtifactName, content: Buffer): Promise<void> {
  await using received = await store.receive(ReadableStream.from([content]), { maxBytes })
  await received.keep(as)
}

async function read(store: ArtifactStore, of: ArtifactName): Promise<Buffer> {
  const file = await store.open(of)
  assert.ok(file)
  return buffer(file.read({ start: 0, end: file.size - 1 }))
}

function checksumOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
