import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { sql } from 'kysely'
import {
  type EnrolledNode,
  newPublicKey,
  startControlPlane,
  type TestControlPlane,
} from './testing/harness.ts'
import { isError } from './testing/is-error.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

describe('a control plane on a full disk', () => {
  it('says so to who wants to write, goes on reading, and has lost nothing', async () => {
    await using folder = await makeTemporaryFolder()
    const errors: unknown[] = []
    const log: Log = { ...silentLog, error: (message, fields) => errors.push(message, fields) }
    const plane = await startControlPlane({
      dataDir: folder.path,
      log,
      // Each move is told, and takes room with its event.
      config: { limits: { endpoint_changes: 1_000_000 } },
    })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    await web.api.heartbeat({ params: web, body: {} })
    await move(web, 1)
    const token = await plane.createToken()

    await fill(plane, true)
    const done = await writeUntilRefused(web)
    await assert.rejects(move(web, 60_000), isError(503, 'nothing was changed: the disk is full'))
    await assert.rejects(
      plane.anonymous.register({
        body: { token, public_key: newPublicKey(), hostname: 'late-01' },
      }),
      isError(503, 'nothing was changed: the disk is full'),
    )
    assert.match(JSON.stringify(errors), /request failed.*database or disk is full/)

    assert.equal((await web.api.heartbeat({ params: web, body: {} })).status, 200)
    assert.equal(await endpointOf(web, db), `203.0.113.1:${done}`)

    await fill(plane, false)
    const { status } = await plane.anonymous.register({
      body: { token, public_key: newPublicKey(), hostname: 'late-01' },
    })
    assert.equal(status, 201)
    await plane[Symbol.asyncDispose]()
    await using again = await startControlPlane({ dataDir: folder.path })
    assert.equal(again.app.fleet.node(web.node_id)?.endpoint, `203.0.113.1:${done}`)
  })
})

/** As SQLite sees a disk without room: no page more than there are. */
async function fill({ app }: TestControlPlane, full: boolean): Promise<void> {
  await app.store.write(async (tx) => {
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(tx)
    const pages = full ? (rows[0]?.page_count ?? 0) : 1_000_000
    await sql.raw(`pragma max_page_count = ${pages}`).execute(tx)
  })
}

/** Pages in use have some room left. Resolves to the last port that was acknowledged. */
async function writeUntilRefused(node: EnrolledNode): Promise<number> {
  for (let port = 2; ; port++) {
    try {
      await move(node, port)
    } catch {
      return port - 1
    }
  }
}

async function move(node: EnrolledNode, port: number): Promise<void> {
  await node.api.putEndpoint({ params: node, body: { public_endpoint: `203.0.113.1:${port}` } })
}

/** As a peer is told. */
async function endpointOf(node: EnrolledNode, peer: EnrolledNode): Promise<string | undefined> {
  const { body } = await peer.api.getState({ params: peer })
  return body.peers.find(({ id }) => id === node.node_id)?.endpoint
}
