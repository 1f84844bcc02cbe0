import assert from 'node:assert/strict'
import { adminApi, controlApi } from '@plexd/protocol'
import { openWebSocket, type WebSocketStream } from '@plexd/runtime'
import type { RawAnswer } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)}`

/** A relayed session; its id. */
async function open({ web, system }: Stage): Promise<string> {
  await web.call(controlApi.putCapabilities, {
    body: { sessions: { host_key: key, max_sessions: 10 } },
  })
  const { body } = await system.admin.openSession({
    body: { node: web.node_id, login: 'deploy', public_key: key, way: 'relay' },
  })
  return body.session.id
}

const dial = ({ system }: Stage) => ({
  baseUrl: system.controlPlane.url,
  caFile: system.controlPlane.caFile,
  userAgent: 'plexd/test',
})

function asNode(stage: Stage, session_id: string): Promise<WebSocketStream> {
  const { node_id, token } = stage.web
  const params = { node_id, session_id }
  return openWebSocket(controlApi.relaySession, { ...dial(stage), params, token })
}

function asClient(stage: Stage, session: string): Promise<WebSocketStream> {
  const token = stage.system.adminToken
  return openWebSocket(adminApi.connectSession, { ...dial(stage), params: { session }, token })
}

const switched: RawAnswer = { status: 101, headers: {}, text: '', json: () => ({}) as never }

export const relaySessionCases: ContractCase[] = [
  {
    status: 101,
    when: 'and the bytes of the client come through',
    async answer(stage) {
      const session = await open(stage)
      const client = await asClient(stage, session)
      const node = await asNode(stage, session)
      client.end('SSH-2.0-client')
      const parts: Buffer[] = []
      for await (const part of node) parts.push(part as Buffer)
      assert.equal(Buffer.concat(parts).toString(), 'SSH-2.0-client')
      return switched
    },
  },
  {
    status: 409,
    when: 'for a session that has ended',
    async answer(stage) {
      const session = await open(stage)
      await stage.system.admin.revokeSession({ params: { session } })
      // A refusal comes before the upgrade, as an answer like any other.
      const headers = upgrade
      return stage.web.call(controlApi.relaySession, { params: { session_id: session }, headers })
    },
  },
  {
    status: 426,
    when: 'to what asks for no WebSocket',
    answer: ({ web }) => web.call(controlApi.relaySession, { params: { session_id: 'ses_1' } }),
  },
]

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': Buffer.alloc(16).toString('base64'),
}
