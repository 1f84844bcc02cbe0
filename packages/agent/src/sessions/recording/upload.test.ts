import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startControlPlane } from '@plexd/control-plane/testing'
import { ApiError } from '@plexd/protocol'
import { silentLog, systemClock } from '@plexd/runtime'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { createProblems } from '../../health/problems.ts'
import { aMemoryQueue } from '../../queue/testing/memory-queue.ts'
import { type RecordedChunk, storeChunk } from './recorded-chunk.ts'
import { createRecorder } from './recorder.ts'
import { openRecordings } from './testing/open-recordings.ts'
import { startRecordingUpload, type UploadDeps } from './upload.ts'

const session_id = 'ses_1'
const canary = 'canary-in-the-coal-mine'

describe('a recording on its way', () => {
  it('is played by the control plane as it was recorded, and lies nowhere in plain text', async () => {
    await using stack = new AsyncDisposableStack()
    const lines: string[] = []
    const log = {
      ...silentLog,
      info: (...said: unknown[]) => void lines.push(JSON.stringify(said)),
    }
    const plane = stack.use(await startControlPlane({ log }))
    const node = await plane.enrol('web')
    const { session_id, ...setup } = await plane.record(node)
    const { queue, folder } = await openRecordings(stack)
    const recorder = createRecorder({
      ...setup,
      session_id,
      width: 80,
      height: 24,
      store: (chunk) => storeChunk(queue, { session_id, ...chunk }),
    })
    await recorder.output(0, Buffer.from(canary))
    await recorder.output(0, Buffer.from(`${'x'.repeat(100_000)}${canary}`))
    const chunks = await recorder.close()
    assert.deepEqual([chunks > 1, queue.waiting().items], [true, chunks])
    assert.ok(!(await readAll(folder)).includes(canary))

    stack.use(
      startRecordingUpload(queue, {
        client: node.api,
        nodeId: node.node_id,
        problems: createProblems(),
        describe: String,
        clock: systemClock,
        log: silentLog,
      }),
    )
    await until('all is sent', () => queue.waiting().items === 0)
    const answer = await fetch(`${plane.url}/admin/v1/sessions/${session_id}/recording`, {
      headers: { authorization: `Bearer ${plane.adminToken}` },
    })
    const [, ...events] = (await answer.text()).trimEnd().split('\n')
    const shown = events.map((line) => JSON.parse(line)[2]).join('')
    assert.equal(shown, `${canary}${'x'.repeat(100_000)}${canary}`)
    assert.ok(!(await readAll(plane.dataDir)).includes(canary))
    assert.ok(!lines.join('').includes(canary))
  })

  it('is dropped where the control plane will never take it, and that is a problem for an hour', async () => {
    for (const code of ['not_found', 'conflict', 'payload_too_large'] as const) {
      const setup = setUp()
      await using _ = setup.upload
      setup.answer = () => Promise.reject(new ApiError(code, 'no', { details: { error: 'no' } }))
      await storeChunk(setup.queue, { session_id, index: 3, bytes: Buffer.from('x') })
      await setup.clock.advance(0)
      assert.deepEqual([setup.upload.refused(), setup.queue.waiting().items], [1, 0])
      assert.match(
        setup.problems.of('recordings'),
        /^chunk 3 of the recording of session "ses_1" is lost, because the control plane refuses it: .*no$/,
      )
      await setup.clock.advance(60 * 60_000)
      assert.equal(setup.problems.of('recordings'), '')
    }
  })

  it('waits for a control plane that is away', async () => {
    const setup = setUp()
    await using _ = setup.upload
    setup.answer = () => Promise.reject(new Error('down'))
    for (let index = 0; index < 20; index++)
      await storeChunk(setup.queue, { session_id, index, bytes: Buffer.from('x') })
    await setup.clock.advance(60_000)
    assert.equal(setup.queue.waiting().items, 20)
    setup.answer = async () => {}
    await setup.clock.advance(10 * 60_000)
    assert.equal(setup.queue.waiting().items, 0)
    assert.deepEqual(setup.problems.list(), [])
  })
})

describe('storeChunk', () => {
  const chunk = { session_id, index: 0, bytes: Buffer.alloc(2_000) }

  it('rejects in words when too much waits', async () => {
    const queue = aMemoryQueue<RecordedChunk>({ limit: { bytes: 3_000 } })
    await storeChunk(queue, chunk)
    await assert.rejects(storeChunk(queue, chunk), /\(limit recording_queue_bytes\)$/)
  })

  it('rejects when the disk takes nothing', async () => {
    await assert.rejects(storeChunk({ append: async () => false }, chunk), {
      message: 'the disk takes nothing',
    })
  })
})

function setUp() {
  const clock = createFakeClock()
  const problems = createProblems()
  const queue = aMemoryQueue<RecordedChunk>()
  const script = { answer: async (): Promise<void> => {} }
  const client: UploadDeps['client'] = {
    async uploadRecording() {
      await script.answer()
      return { status: 200, headers: {}, body: {} }
    },
  }
  const deps = { client, nodeId: 'n_1', problems, describe: String, clock, log: silentLog }
  const upload = startRecordingUpload(queue, { ...deps })
  return Object.assign(script, { clock, problems, queue, upload })
}

/** All files of a folder. */
async function readAll(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const texts = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'))
  return (await Promise.all(texts)).join('\n')
}
