import { controlApi, maxRecordingChunkBytes } from '@plexd/protocol'
import type { TestNode } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'

const bytes = Buffer.alloc(40, 7)
const key = `ssh-ed25519 ${'A'.repeat(68)}`

interface Recorded {
  node: TestNode
  session_id: string
}

const recorded = new WeakMap<Stage, Promise<Recorded>>()

/** A node of its own with a session that is recorded. */
async function openRecorded({ system }: Stage): Promise<Recorded> {
  const node = await system.enrol('recorded-01')
  const sessions = { host_key: key, max_sessions: 10 }
  await node.call(controlApi.putCapabilities, { body: { sessions } })
  const { body } = await system.admin.openSession({
    body: { node: node.node_id, login: 'deploy', public_key: key, way: 'relay' },
  })
  return { node, session_id: body.session.id }
}

const upload =
  (chunk: string, body: Buffer, other?: string): ContractCase['answer'] =>
  async (stage) => {
    const { node, session_id } = await recorded.getOrInsertComputed(stage, () =>
      openRecorded(stage),
    )
    const params = { session_id: other ?? session_id, chunk }
    return node.call(controlApi.uploadRecording, { params, body })
  }

export const uploadRecordingCases: ContractCase[] = [
  { status: 200, when: 'for a chunk', answer: upload('0', bytes) },
  { status: 200, when: 'for the same chunk once more', answer: upload('0', bytes) },
  { status: 409, when: 'for another chunk in its place', answer: upload('0', Buffer.alloc(40)) },
  { status: 404, when: 'for a session that is unknown', answer: upload('0', bytes, 'ses_nobody') },
  {
    status: 413,
    when: 'for a chunk that is too large',
    answer: upload('1', Buffer.alloc(maxRecordingChunkBytes + 1)),
  },
]
