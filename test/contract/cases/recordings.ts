import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { controlApi, maxRecordingChunkBytes } from '@plexd/protocol'
import type { ContractCase, Stage } from '../contract-case.ts'

const recorded = 'ses_recorded'
const bytes = Buffer.alloc(40, 7)

/** What a control plane keeps of a session that is recorded, as far as an upload needs it. */
function addRecording({ system, web }: Stage): void {
  const folder = dirname(system.controlPlane.adminTokenFile)
  using database = new DatabaseSync(join(folder, 'control-plane.db'), { timeout: 5_000 })
  database
    .prepare(
      `insert or ignore into recordings (id, tenant_id, node_id, key_sealed, created_at)
       select ?, tenant_id, id, '', ? from nodes where id = ?`,
    )
    .run(recorded, Date.now(), web.node_id)
}

const upload =
  (chunk: string, body: Buffer, session_id = recorded): ContractCase['answer'] =>
  (stage) => {
    addRecording(stage)
    return stage.web.call(controlApi.uploadRecording, { params: { session_id, chunk }, body })
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
