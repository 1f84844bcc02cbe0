import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compactJson, parseEnvelope, rawElements, rawMembers } from '@plexd/protocol'
import fc from 'fast-check'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'

/** PUTs a body as text. */
async function put(
  plane: TestControlPlane,
  key: string,
  payload: string,
  target = '{"selector":"*"}',
) {
  const answer = await fetch(`${plane.url}/admin/v1/data/${encodeURIComponent(key)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' },
    body: `{"payload": ${payload} ,"content_type":"a/b","target":${target}}`,
  })
  return { status: answer.status, text: await answer.text() }
}

async function get(
  plane: TestControlPlane,
  path: string,
  token = plane.adminToken,
): Promise<string> {
  const answer = await fetch(plane.url + path, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(answer.status, 200)
  return answer.text()
}

/** The payload of the one event about data that is sent to a node after `run`, as it stands in the envelope. */
async function eventAfter(
  plane: TestControlPlane,
  node: { node_id: string; token: string },
  run: () => Promise<unknown>,
) {
  const answer = await fetch(`${plane.url}/v1/nodes/${node.node_id}/events`, {
    headers: { authorization: `Bearer ${node.token}` },
  })
  await run()
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const [, block] = /event: node_state_updated\n([\s\S]*?)\n\n/.exec(text) ?? []
    if (block === undefined) continue
    return parseEnvelope(block.replaceAll(/^data: /gm, '')).payload
  }
  return assert.fail('the stream has ended')
}

const odd = '{"n":[9007199254740993,1e400,-0,1.50,-0.0],"2":1,"n":"twice","<":"\\u0041"}'

describe('the payload of a data entry', () => {
  it('reaches a node as it was written, by a pull and by an event, and is shown so', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const kept = `"payload":${compactJson(odd)},`

    const event = await eventAfter(plane, web, async () => {
      const { status, text } = await put(plane, 'k', odd.replaceAll(',', ' ,\n'))
      assert.equal(status, 200)
      assert.ok(text.includes(kept), text)
    })

    assert.ok(event.includes(kept), event)
    assert.ok((await get(plane, `/v1/nodes/${web.node_id}/state`, web.token)).includes(kept))
    assert.ok((await get(plane, '/admin/v1/data')).includes(kept))
  })

  it('is the same text for any JSON', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const anyJson = fc
      .tuple(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom('', '\t', '  '))
      .map(([value, indent]) => JSON.stringify(value, null, indent))
    await fc.assert(
      fc.asyncProperty(anyJson, async (json) => {
        assert.equal((await put(plane, 'k', json)).status, 200)
        const state = await get(plane, `/v1/nodes/${web.node_id}/state`, web.token)
        const [entry = ''] = rawElements(rawMembers(state).get('data') ?? '')
        assert.equal(rawMembers(entry).get('payload'), compactJson(json))
      }),
      { numRuns: 60 },
    )
  })

  it('is refused when it is too deep or too long, in words', async () => {
    await using plane = await startControlPlane({ config: { limits: { data_entry_bytes: 1_000 } } })
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    assert.equal((await put(plane, 'k', nested(60))).status, 200)
    assert.deepEqual(await put(plane, 'k', nested(6_000)), {
      status: 400,
      text: '{"error":"key \\"k\\": request body is nested deeper than 61: make it flatter","code":"bad_request"}',
    })
    const long = await put(plane, 'k', JSON.stringify('x'.repeat(999)))
    assert.equal(long.status, 413)
    assert.match(
      long.text,
      /data entry \\"k\\" has 1001 bytes, and data_entry_bytes is 1000: split it/,
    )
  })
})

describe('what one node is told of', () => {
  const limits = { node_data_bytes: 1_000, node_data_entries: 5, node_secrets: 2 }
  const fill = (bytes: number) => JSON.stringify('x'.repeat(bytes))

  it('is held to a total where it is written: a write that no node can take changes nothing', async () => {
    await using plane = await startControlPlane({ config: { limits } })
    const web = await plane.enrol('web', { metadata: { env: 'prod' } })
    assert.equal((await put(plane, 'a', fill(600))).status, 200)
    assert.equal((await put(plane, 'b', fill(600), '{"selector":"env=dev"}')).status, 200)

    const { status, text } = await put(plane, 'c', fill(600), '{"selector":"env=prod"}')

    assert.equal(status, 413)
    assert.match(
      text,
      /data entry \\"c\\" does not fit: node \\"web\\" would get 1212 bytes of data.*node_data_bytes is 1000: delete others/,
    )
    const { body } = await web.api.getState({ params: { node_id: web.node_id } })
    assert.deepEqual(
      body.data.map(({ key }) => key),
      ['a'],
    )
    assert.equal((await put(plane, 'a', fill(500))).status, 200)
    for (const key of ['1', '2', '3', '4']) assert.equal((await put(plane, key, '1')).status, 200)
    assert.match(
      (await put(plane, '5', '1')).text,
      /would get 6 data entries, and node_data_entries is 5/,
    )
    const secret = (key: string) =>
      plane.admin.putSecret({ params: { key }, body: { target: { selector: '*' }, value: 'x' } })
    await secret('1')
    await secret('2')
    await secret('1')
    await assert.rejects(secret('3'), {
      status: 413,
      message: /would get 3 secrets, and node_secrets is 2/,
    })
  })

  it('is what fits, in the order of keys, when labels bring more together; the operator sees it', async () => {
    await using plane = await startControlPlane({ config: { limits } })
    const web = await plane.enrol('web', { metadata: { env: 'dev' } })
    for (const [key, env, bytes] of [
      ['a', 'one', 400],
      ['b', 'two', 700],
      ['c', 'two', 200],
    ] as const)
      assert.equal((await put(plane, key, fill(bytes), `{"selector":"${env}=yes"}`)).status, 200)

    await plane.admin.setNodeMetadata({
      params: { node: 'web' },
      body: { set: { one: 'yes', two: 'yes' } },
    })

    const { body } = await web.api.getState({ params: { node_id: web.node_id } })
    assert.deepEqual(
      body.data.map(({ key }) => key),
      ['a', 'c'],
    )
    const noRoom = async () => (await plane.admin.getNode({ params: { node: 'web' } })).body.no_room
    assert.deepEqual(await noRoom(), [
      'no room for data entries "b": delete some, or name fewer nodes',
    ])
    await plane.admin.deleteData({ params: { key: 'a' }, query: { selector: 'one=yes' } })
    const after = await web.api.getState({ params: { node_id: web.node_id } })
    assert.deepEqual(
      after.body.data.map(({ key }) => key),
      ['b', 'c'],
    )
    assert.deepEqual(await noRoom(), [])
  })
})
