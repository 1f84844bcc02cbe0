import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { controlApi, type Operation, telemetryKinds } from '@plexd/protocol'
import { sampleOf, strangersOf } from '@plexd/runtime/testing'
import { openSystem } from '../support/open-system.ts'
import type { TestNode } from '../support/system.ts'

/** What fits the patterns of our schemas. */
const texts = {
  '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$': Buffer.alloc(32, 1).toString('base64'),
  '^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$': `ssh-ed25519 ${'A'.repeat(68)}`,
  '^(?:tcp|[0-9]{1,10})$': 'tcp',
  '^[0-9a-f]{64}$': '0'.repeat(64),
}

/**
 * Whether an action was taken on, and how it ended, is nothing to guess. So no agent may say it in new words before the control planes of the
 * version before know them.
 */
const guarded: Readonly<Record<string, readonly string[]>> = {
  ackExecution: ['status'],
  finishExecution: ['status'],
}

/** What a node sends with an operation; of a batch, one of its records. */
interface Sending {
  schema: object
  bodyOf(value: unknown): unknown
}

const batches: Readonly<Record<string, object>> = {
  sendMetrics: telemetryKinds.metrics,
  sendLogs: telemetryKinds.logs,
  sendAudit: telemetryKinds.audit,
}

function sendingOf(name: string, { request }: Operation): Sending | undefined {
  const record = batches[name]
  if (record) return { schema: record, bodyOf: (value) => JSON.stringify([value]) }
  return request && { schema: request, bodyOf: (value) => value }
}

describe('what only an agent of another version sends', () => {
  const system = openSystem()
  let node: TestNode
  before(async () => {
    node = await system.enrol('web')
  })

  for (const [name, operation] of Object.entries<Operation>(controlApi)) {
    const sending = sendingOf(name, operation)
    if (!sending) continue
    it(`is taken with ${operation.method} ${operation.path}, but for words that must not be guessed`, async () => {
      const { schema, bodyOf } = sending
      const params = { execution_id: 'text', session_id: 'text' }
      const answerTo = async (value: unknown): Promise<number> =>
        (await node.call(operation, { params, body: bodyOf(value) })).status
      const usual = await answerTo(sampleOf(schema, texts))
      assert.notEqual(usual, 400)
      const refused: string[] = []
      for (const { kind, where, value } of strangersOf(schema, texts)) {
        const status = await answerTo(value)
        if (status === usual) continue
        assert.equal(status, 400, `${where} is answered ${status}`)
        refused.push(kind === 'word' ? where : `field in ${where || 'the whole'}`)
      }
      assert.deepEqual(refused, guarded[name] ?? [])
    })
  }

  it('leaves the node heard, with what of it is understood', async () => {
    const upgrade = { version: '1.6.0', from: '1.5.0', reason: '', at: '2025-01-15T10:30:00Z' }
    const body = {
      status: 'healthy',
      version: '9.9.9',
      upgrade: { ...upgrade, status: 'of-tomorrow' },
    }
    await node.call(controlApi.heartbeat, { body })
    const endpoint = { public_endpoint: '203.0.113.1:51820', nat_type: 'of-tomorrow' }
    await node.call(controlApi.putEndpoint, { body: endpoint })
    const { body: shown } = await system.admin.getNode({ params: { node: 'web' } })
    assert.partialDeepStrictEqual(shown, {
      status: 'online',
      endpoint: '203.0.113.1:51820',
      nat_type: 'unknown',
      upgrade: null,
    })
  })
})
