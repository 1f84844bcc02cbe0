import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { pruneRecordings } from '../jobs/prune-recordings.ts'
import { readRecordings } from '../rows/recordings.ts'
import { type EnrolledNode, startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { isError } from '../testing/is-error.ts'
import { addOperator } from '../testing/operators.ts'
import { aSealedChunk } from '../testing/sealed-chunk.ts'
import { recordingSetupOf, recordingState } from './recording.ts'

const text = '{"version":2,"width":80,"height":24,"timestamp":1}\n[0,"o","canary"]\n'
const dayMs = 24 * 60 * 60_000

describe('the recording of a session', () => {
  it('is uploaded in chunks and read as an asciicast, also under another master key', async () => {
    await using setup = await setUp()
    const { plane, web } = setup
    await setup.upload(0)
    assert.equal((await setup.row())?.completed_at, null)
    await setup.upload(1, { final: true, text: '[1,"o","end"]\n' })
    assert.notEqual((await setup.row())?.completed_at, null)
    await setup.upload(1, { final: true, text: '[1,"o","end"]\n' })
    await plane.app.masterKeyRotation.run()
    const played = await setup.play()
    assert.equal(played.headers.get('content-type'), 'application/x-asciicast')
    assert.equal(await played.text(), `${text}[1,"o","end"]\n`)
    assert.ok(web)
  })

  it('is on record for whoever looks at it', async () => {
    await using setup = await setUp()
    const { session_id } = setup
    await (await setup.play()).text()
    const { body } = await setup.plane.admin.listTelemetry({
      params: { node: 'web', kind: 'audit' },
    })
    const { subject, object, action } = Object(body.items.at(-1)?.record)
    assert.equal(action, 'recording_read')
    assert.deepEqual(object, { session_id })
    assert.deepEqual(Object.keys(subject ?? {}), ['operator_id', 'by'])
  })

  it('plays what there is of it, and is never an error', async () => {
    await using setup = await setUp()
    const { session_id } = setup
    assert.match(await (await setup.play()).text(), /nothing of it has come/)
    await setup.upload(0)
    await setup.upload(2, { final: true, text: '' })
    await setup.plane.app.recordings.put(
      { session_id, node_id: 'n', index: 1, bytes: Buffer.alloc(50) },
      { maxBytes: 1e6 },
    )
    const played = await setup.play()
    assert.equal(played.status, 200)
    assert.match(await played.text(), /"canary".*chunk 1 is damaged/s)
  })

  it('takes no other chunk in place of one that it has, none that is too large, and no more than it may have', async () => {
    await using setup = await setUp({ session_recording_bytes: 1_000 })
    const { session_id } = setup
    await setup.upload(0)
    await assert.rejects(setup.upload(0, { text: 'other' }), isError(409, /another chunk 0/))
    const put = (bytes: number) =>
      setup.web.api.uploadRecording({
        params: { ...setup.web, session_id, chunk: '1' },
        body: new Uint8Array(bytes),
      })
    await assert.rejects(put(1024 * 1024 + 1), isError(413, /larger than/))
    await assert.rejects(put(1_000), isError(413, /limit session_recording_bytes/))
    await assert.rejects(put(16), isError(400, /16 bytes/))
  })

  it('is of the node alone that has the session; another one that claims it is on record', async () => {
    await using setup = await setUp()
    const { session_id } = setup
    const db = await setup.plane.enrol('db')
    const chunk = { params: { ...db, session_id, chunk: '0' }, body: new Uint8Array(40) }
    await assert.rejects(db.api.uploadRecording(chunk), isError(404, /no session "ses_/))
    const { body } = await setup.plane.admin.listTelemetry({
      params: { node: 'db', kind: 'audit' },
    })
    assert.equal(Object(body.items[0]?.record).result, 'refused')
  })

  it("is not shown to another tenant's owner, nor to a viewer", async () => {
    await using setup = await setUp()
    const foreign = await addOperator(setup.plane, { tenant: 'other' })
    const viewer = await addOperator(setup.plane, { role: 'viewer' })
    assert.equal((await setup.play(foreign.token)).status, 404)
    assert.equal((await setup.play(viewer.token)).status, 403)
  })

  it('is kept for as long as set, and its key no longer', async () => {
    await using setup = await setUp()
    const { session_id } = setup
    await setup.upload(0)
    await setup.clock.advance(61_000)
    await pruneRecordings(setup.plane.app)
    const row = await setup.row()
    assert.equal(row?.key_sealed, null)
    assert.equal(recordingState(row, { closedAtMs: 0, nowMs: 0 }), 'expired')
    assert.deepEqual(await setup.plane.app.recordings.holdings(), [])
    assert.equal((await setup.play()).status, 404)
    await assert.rejects(setup.upload(1), isError(404, /kept no longer/))
    const { store, masterKey } = setup.plane.app
    assert.equal(
      await recordingSetupOf(store.reader, masterKey, { id: session_id, record_input: false }),
      undefined,
    )
  })

  it('gives way when all together take more than they may', async () => {
    await using setup = await setUp({ recording_bytes: 10 })
    await setup.upload(0)
    await pruneRecordings(setup.plane.app)
    assert.deepEqual(await setup.plane.app.recordings.holdings(), [])
  })
})

describe('recordingState', () => {
  const row = { completed_at: null, expired_at: null }

  it('waits a day for a node that has not sent the end', () => {
    const state = (closedAtMs: number | null, nowMs: number) =>
      recordingState(row, { closedAtMs, nowMs })
    assert.deepEqual(
      [state(null, 9 * dayMs), state(dayMs, 2 * dayMs - 1), state(dayMs, 2 * dayMs)],
      ['recording', 'recording', 'complete'],
    )
    assert.equal(recordingState(undefined, { closedAtMs: 0, nowMs: 0 }), 'none')
    assert.equal(recordingState(row, { closedAtMs: 0, reason: 'refused', nowMs: 0 }), 'none')
    const complete = { ...row, completed_at: 1 }
    assert.equal(recordingState(complete, { closedAtMs: null, nowMs: 0 }), 'complete')
  })
})

interface Setup extends AsyncDisposable {
  session_id: string
  plane: TestControlPlane
  web: EnrolledNode
  clock: ReturnType<typeof createFakeClock>
  upload(index: number, chunk?: { final?: boolean; text?: string }): Promise<unknown>
  play(token?: string): Promise<Response>
  row(): Promise<Awaited<ReturnType<typeof readRecordings>>[number] | undefined>
}

/** Node `web` with a session that is recorded. */
async function setUp(limits = {}): Promise<Setup> {
  const clock = createFakeClock()
  const plane = await startControlPlane({ clock, config: { limits, recordingRetentionMs: 60_000 } })
  const web = await plane.enrol('web')
  const { app } = plane
  const { node_id } = web
  const { key, session_id } = await plane.record(web)
  return {
    session_id,
    plane,
    web,
    clock,
    upload: (index, chunk = {}) =>
      web.api.uploadRecording({
        params: { node_id, session_id, chunk: String(index) },
        body: new Uint8Array(aSealedChunk(key, { session_id, index, text, ...chunk })),
      }),
    play: (token = plane.adminToken) =>
      fetch(`${plane.url}/admin/v1/sessions/${session_id}/recording`, {
        headers: { authorization: `Bearer ${token}` },
      }),
    row: async () => (await readRecordings(app.store.reader, [session_id]))[0],
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}
