import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import {
  type Access,
  accessOf,
  adminApi,
  type Caller,
  callers,
  controlApi,
  fillPath,
  type Operation,
} from '@plexd/protocol'
import { newPublicKey, type TestControlPlane } from '../testing/harness.ts'
import { openControlPlane } from '../testing/open-control-plane.ts'
import { addOperator, type TestOperator } from '../testing/operators.ts'

const params = {
  key: 'k',
  name: 'none',
  kind: 'logs',
  token_id: 'tok_x',
  execution_id: 'exec_x',
  session_id: 's',
  session: 'ses_x',
  chunk: '0',
  version: '1',
  os: 'linux',
  arch: 'amd64',
  file: 'checksums.sha256',
}

describe('who may call what', () => {
  const plane = openControlPlane({ config: { limits: { wrong_tokens: 1_000_000 } } })
  let tokens: Record<Caller, string | undefined>
  let nodeId: string
  let departedId: string
  before(async () => {
    const [node, other] = [await plane.enrol('web'), await plane.enrol('db')]
    const foreign = await addOperator(plane, { tenant: 'other' })
    nodeId = node.node_id
    const departed = await plane.enrol('gone')
    await departed.api.deregister({ params: departed })
    departedId = departed.node_id
    tokens = {
      nobody: undefined,
      unknown: 'plx_node_nobody',
      node: node.token,
      departed_node: departed.token,
      other_node: other.token,
      foreign_node: await enrolFor(plane, foreign),
      viewer: (await addOperator(plane, { role: 'viewer' })).token,
      owner: plane.adminToken,
      foreign_owner: foreign.token,
    }
  })

  /** With a body that is no good: who may call is decided first. */
  async function ask(operation: Operation, caller: Caller): Promise<number> {
    const hasBody = operation.request !== undefined || operation.requestKind !== undefined
    const id = caller === 'departed_node' ? departedId : nodeId
    const token = tokens[caller]
    const path = fillPath(operation.path, { ...params, node: id, node_id: id })
    const answer = await fetch(plane.url + path, {
      method: operation.method,
      signal: AbortSignal.timeout(5_000),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
      ...(hasBody ? { body: bodyOf(operation) } : {}),
    })
    await answer.body?.cancel()
    return answer.status
  }

  for (const [name, operation] of Object.entries({ ...controlApi, ...adminApi })) {
    const row = accessOf(operation)
    // What would change something is not asked of who may; a node that has left changes nothing by leaving.
    const asked = Object.keys(callers).filter(
      (caller) =>
        row[caller as Caller] !== 'yes' || operation.method === 'GET' || caller === 'departed_node',
    ) as Caller[]
    for (const caller of asked)
      it(`${name}: ${callers[caller]}: ${row[caller]}`, async () => {
        expectAccess(operation, caller, await ask(operation, caller))
      })
  }
})

/** A node of the operator's tenant; its token. */
async function enrolFor(plane: TestControlPlane, { api }: TestOperator): Promise<string> {
  const { token } = (await api.createToken({ body: {} })).body
  const body = { token, public_key: newPublicKey(), hostname: 'foreign', capabilities: {} }
  return (await plane.clientFor(token).register({ body })).body.node_token ?? ''
}

function expectAccess(operation: Operation, caller: Caller, status: number): void {
  const expected: Access = accessOf(operation)[caller]
  // A path that names no node is about what is the caller's own.
  const isOwn = caller === 'other_node' || caller.startsWith('foreign')
  const isHeard =
    isOwn &&
    expected !== 401 &&
    operation.scope !== 'installation' &&
    !/\{node(_id)?\}/.test(operation.path)
  if (expected === 'yes' || isHeard) {
    assert.notEqual(status, 401)
    return
  }
  // For operators the body is looked at before the node is.
  const isUnread = caller === 'foreign_owner' && expected === 404 && operation.request !== undefined
  assert.equal(status, isUnread ? 400 : expected)
}

/** Registration looks at the token in the body: one that nobody has. */
function bodyOf({ auth }: Operation): string {
  if (auth !== 'bootstrap') return '[]'
  const public_key = Buffer.alloc(32, 9).toString('base64')
  return JSON.stringify({ token: 'plx_enroll_nobody', public_key, hostname: 'h' })
}
