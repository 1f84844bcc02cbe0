import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { freePort, openForTests, until } from '@plexd/runtime/testing'
import { openBucket } from './artifacts/s3/bucket.ts'
import { listObjects, listUploads } from './artifacts/s3/objects.ts'
import { noS3, startS3 } from './artifacts/testing/s3-server.ts'
import { createBackup } from './backup/create.ts'
import { bucketPlace } from './config/settings/artifacts.ts'
import { examineControlPlane } from './doctor/doctor.ts'
import { startProcess } from './testing/child.ts'
import { startControlPlane, type TestControlPlane, withControlPlane } from './testing/harness.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

const params = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const path = 'v1/artifacts/plexd/1.5.0/linux/amd64'
/** More than all the buffers on its way take. */
const large = randomBytes(20_000_000)

describe('a control plane whose artifact store is away from the start', () => {
  it('is ready, says so, and serves all but artifacts', async () => {
    const artifactStore = `s3://files?endpoint=http://127.0.0.1:${await freePort()}`
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'canary' }
    Object.assign(process.env, keys, { AWS_EC2_METADATA_DISABLED: 'true' })
    const told: string[] = []
    const warn = (message: string, fields?: object) =>
      void told.push(JSON.stringify({ message, ...fields }))
    await using plane = await startControlPlane({
      config: { artifactStore },
      log: { debug() {}, info() {}, warn, error: warn },
    })
    assert.equal((await fetch(`${plane.url}/readyz`)).status, 200)
    await plane.enrol('web')
    await assert.rejects(upload(plane, Buffer.from('x')), {
      status: 503,
      retryAfterSeconds: 10,
      message: /^use the artifact store: it does not answer: .*ECONNREFUSED/,
    })
    const ofStore = told.filter((text) => text.includes('artifact store'))
    assert.match(ofStore.join('\n'), /^.*"artifact_store":"s3:\/\/files","why":"it does not answer/)
    assert.equal(ofStore.length, 1, ofStore.join('\n'))
    const found = await examineControlPlane(plane.app.config, Date.now())
    const check = found.find((one) => one.check === 'artifacts')
    assert.equal(check?.state, 'failed')
    assert.match(check.detail, /^"s3:\/\/files": it does not answer/)
    assert.doesNotMatch(JSON.stringify([told, found]), /canary/)
  })
})

describe('a control plane with an artifact store', { skip: noS3 }, () => {
  const server = openForTests(startS3)

  it('keeps artifacts there, also over restarts, serves none while it is away, and goes on when it is back', async () => {
    await using folder = await makeTemporaryFolder()
    const config = { artifactStore: await server.createBucket() }
    const token = await withControlPlane(
      folder.path,
      async (plane) => {
        await upload(plane, large)
        return (await plane.enrol('web')).token
      },
      config,
    )
    await server.end()
    await withControlPlane(
      folder.path,
      async (plane) => {
        const refused = await get(plane, token)
        assert.deepEqual([refused.statusCode, refused.headers['retry-after']], [503, '10'])
        await buffer(refused)
        await server.start()
        const whole = await get(plane, token)
        assert.ok((await buffer(whole)).equals(large))
        const part = await get(plane, token, { range: 'bytes=19999990-' })
        assert.equal(part.statusCode, 206)
        assert.ok((await buffer(part)).equals(large.subarray(-10)))
      },
      config,
    )
  })

  it('cuts a download whose store goes away in the middle, which is never a short one', async () => {
    await using plane = await startControlPlane({
      config: { artifactStore: await server.createBucket() },
    })
    const { token } = await plane.enrol('web')
    await upload(plane, large)
    const answer = await get(plane, token)
    assert.equal(answer.statusCode, 200)
    await once(answer, 'readable')
    await server.end()
    await assert.rejects(buffer(answer), /aborted|ECONNRESET/)
    await server.start()
    assert.ok((await buffer(await get(plane, token))).equals(large))
  })

  it('takes one again whose bytes are lost, and names it until then', async () => {
    await using folder = await makeTemporaryFolder()
    await withControlPlane(folder.path, (plane) => upload(plane, large), {})
    const config = { artifactStore: await server.createBucket() }
    await withControlPlane(
      folder.path,
      async (plane) => {
        const { token } = await plane.enrol('web')
        const lost = await get(plane, token)
        assert.equal(lost.statusCode, 404)
        assert.match(String(await buffer(lost)), /has lost the bytes of .*: upload it again/)
        await upload(plane, large)
        assert.ok((await buffer(await get(plane, token))).equals(large))
        await plane.admin.deleteArtifact({ params })
        assert.equal((await get(plane, token)).statusCode, 404)
        using bucket = await openBucket(bucketPlace(config.artifactStore))
        assert.deepEqual(await listObjects(bucket, ''), [])
      },
      config,
    )
  })

  it('shows nothing of an upload in which it was killed, and takes it again', async () => {
    await using folder = await makeTemporaryFolder()
    const artifactStore = await server.createBucket()
    using bucket = await openBucket(bucketPlace(artifactStore))
    const args = ['--data-dir', folder.path, '--listen', '127.0.0.1:0', '--insecure-http']
    args.push('--artifact-store', artifactStore)
    {
      await using child = await startProcess(args)
      const token = (await readFile(join(folder.path, 'admin-token'), 'utf8')).trim()
      const request = http.request(`${child.url}/admin/${path}`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/octet-stream',
          'content-length': large.length + 1,
        },
      })
      const gone = once(request, 'error')
      request.write(large)
      await until('the upload has begun', async () => (await listUploads(bucket, '')).length === 1)
      await child.kill('SIGKILL')
      await gone
    }
    await withControlPlane(
      folder.path,
      async (plane) => {
        assert.deepEqual((await plane.admin.listArtifacts({})).body.items, [])
        assert.deepEqual(await listObjects(bucket, ''), [])
        await upload(plane, large)
        const { token } = await plane.enrol('web')
        assert.ok((await buffer(await get(plane, token))).equals(large))
      },
      { artifactStore, databaseUrl: undefined },
    )
  })

  it('says of a backup that they are not in it', async () => {
    await using folder = await makeTemporaryFolder()
    const artifactStore = await server.createBucket()
    await withControlPlane(folder.path, (plane) => upload(plane, large), {
      artifactStore,
      databaseUrl: undefined,
    })
    const { warnings, manifest } = await createBackup({
      ...{ dataDir: folder.path, out: join(folder.path, 'out'), parts: [], recipients: [] },
      ...{ masterKeyFile: undefined, named: {}, by: 'command', artifactStore: 's3://b' },
      ...{ now: Date.now, onProgress: () => {} },
    })
    assert.deepEqual(warnings, ['1 artifacts are in "s3://b", and not in the backup'])
    assert.ok(!manifest.files.some((file) => file.path.startsWith('artifacts/')))
  })
})

function upload(plane: TestControlPlane, body: Uint8Array) {
  const hex = createHash('sha256').update(body).digest('hex')
  return plane.admin.putArtifact({ params, body, headers: { 'x-checksum-sha256': hex } })
}

/** Its body is to be read by the caller. */
async function get(
  plane: TestControlPlane,
  token: string,
  headers: Record<string, string> = {},
): Promise<http.IncomingMessage> {
  const request = http.get(`${plane.url}/${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  const [answer] = await once(request, 'response')
  return answer
}
