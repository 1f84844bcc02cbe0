import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import type { DesiredState } from '../state/desired-state.ts'
import { type LocalApiPlace, seal, startPlace } from '../testing/local-api-place.ts'
import type { Send } from './testing/exchange.ts'

/** Every example and every error row of "Using the Local Node API", asked over a socket and over TCP that really listen. */

const desired: Partial<DesiredState> = {
  metadata: { role: 'gateway', node_id: 'edge-us-west-42', region: 'us-west-2' },
  data: [
    {
      key: 'routes.json',
      content_type: 'application/json',
      payload: '{"default_backend":"10.0.0.5:8080"}',
      version: 1,
      updated_at: '2025-06-01T12:34:56Z',
    },
    {
      key: 'nginx.conf',
      content_type: 'text/plain',
      payload: '"server { }"',
      version: 3,
      updated_at: '2025-06-01T12:34:56Z',
    },
  ],
  secret_refs: [
    { key: 'tls/server.key', version: 1 },
    { key: 'db/password', version: 2 },
  ],
}

for (const over of ['unix', 'oneShot', 'tcp'] as const) {
  describe(`the examples of the guide over ${over}`, () => {
    let place: LocalApiPlace
    let send: Send
    before(async () => {
      place = await startPlace(desired)
      send = place[over]
      place.secrets.set('db/password', seal('db/password', 's3cret-p@ssw0rd', 2, place.nsk))
    })
    after(() => place[Symbol.asyncDispose]())

    it('summarises the state', async () => {
      await place.reports.put({ key: 'boot', content_type: 'text/plain', payload: '1' })
      assert.deepEqual((await send('GET', '/v1/state')).json, {
        metadata: { node_id: 'edge-us-west-42', region: 'us-west-2', role: 'gateway' },
        data_keys: [
          { key: 'nginx.conf', version: 3, content_type: 'text/plain' },
          { key: 'routes.json', version: 1, content_type: 'application/json' },
        ],
        secret_keys: [
          { key: 'db/password', version: 2 },
          { key: 'tls/server.key', version: 1 },
        ],
        report_keys: [{ key: 'boot', version: 1 }],
      })
      await place.reports.delete('boot')
    })

    it('lists all metadata, sorted', async () => {
      const { status, headers, text } = await send('GET', '/v1/state/metadata')
      assert.equal(status, 200)
      assert.equal(headers['content-type'], 'application/json')
      assert.equal(text, '{"node_id":"edge-us-west-42","region":"us-west-2","role":"gateway"}\n')
    })

    it('reads a single metadata key', async () => {
      const { status, text } = await send('GET', '/v1/state/metadata/region')
      assert.deepEqual([status, text], [200, '{"key":"region","value":"us-west-2"}\n'])
    })

    it('lists data keys, sorted', async () => {
      const { text } = await send('GET', '/v1/state/data')
      assert.equal(
        text,
        '[{"key":"nginx.conf","version":3,"content_type":"text/plain"},' +
          '{"key":"routes.json","version":1,"content_type":"application/json"}]\n',
      )
    })

    it('reads a single data entry', async () => {
      const { text } = await send('GET', '/v1/state/data/routes.json')
      assert.equal(
        text,
        '{"key":"routes.json","content_type":"application/json",' +
          '"payload":{"default_backend":"10.0.0.5:8080"},"version":1,"updated_at":"2025-06-01T12:34:56Z"}\n',
      )
    })

    it('lists secret keys, sorted', async () => {
      const { text } = await send('GET', '/v1/state/secrets')
      assert.equal(
        text,
        '[{"key":"db/password","version":2},{"key":"tls/server.key","version":1}]\n',
      )
    })

    it('reads a secret by its encoded key', async () => {
      const { status, text } = await send('GET', '/v1/state/secrets/db%2Fpassword')
      assert.deepEqual(
        [status, text],
        [200, '{"key":"db/password","value":"s3cret-p@ssw0rd","version":2}\n'],
      )
    })

    it('creates a report entry, updates it under a condition, refuses an old version', async () => {
      const body = (status: string, uptime_s: number) => ({
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          content_type: 'application/json',
          payload: { status, uptime_s },
        }),
      })
      const created = await send('PUT', '/v1/state/report/health', body('healthy', 86400))
      assert.equal(created.status, 200)
      assertEntry(created.json, {
        key: 'health',
        content_type: 'application/json',
        payload: { status: 'healthy', uptime_s: 86400 },
        version: 1,
      })
      const update = body('degraded', 90000)
      const conditional = { ...update, headers: { ...update.headers, 'if-match': '1' } }
      const updated = await send('PUT', '/v1/state/report/health', conditional)
      assert.equal(updated.status, 200)
      assertEntry(updated.json, {
        key: 'health',
        content_type: 'application/json',
        payload: { status: 'degraded', uptime_s: 90000 },
        version: 2,
      })
      const refused = await send('PUT', '/v1/state/report/health', conditional)
      assert.deepEqual([refused.status, refused.text], [409, '{"error":"version conflict"}\n'])
      assert.deepEqual((await send('GET', '/v1/state/report/health')).json, updated.json)
    })

    it('lists all report keys, sorted', async () => {
      const inventory = { body: '{"content_type":"a/b","payload":[]}' }
      await send('PUT', '/v1/state/report/inventory', inventory)
      assert.equal(
        (await send('GET', '/v1/state/report')).text,
        '[{"key":"health","version":2},{"key":"inventory","version":1}]\n',
      )
    })

    it('deletes a report entry once', async () => {
      const deleted = await send('DELETE', '/v1/state/report/health')
      assert.deepEqual([deleted.status, deleted.text], [204, ''])
      assert.equal(deleted.headers['content-length'], undefined)
      const again = await send('DELETE', '/v1/state/report/health')
      assert.deepEqual([again.status, again.text], [404, '{"error":"not found"}\n'])
    })
  })

  describe(`the error table of the guide over ${over}`, () => {
    let place: LocalApiPlace
    let send: Send
    before(async () => {
      place = await startPlace(desired)
      send = place[over]
    })
    after(() => place[Symbol.asyncDispose]())

    const cases: [string, string, string, string, Record<string, string>, number, string][] = [
      ['a body that is no JSON', 'PUT', 'report/a', '{', {}, 400, 'invalid JSON body'],
      [
        'a missing content type',
        'PUT',
        'report/a',
        '{"payload":1}',
        {},
        400,
        'content_type is required',
      ],
      [
        'a missing payload',
        'PUT',
        'report/a',
        '{"content_type":"a/b"}',
        {},
        400,
        'payload must be valid JSON',
      ],
      [
        'an If-Match that is no integer',
        'PUT',
        'report/a',
        '{"content_type":"a/b","payload":1}',
        { 'if-match': 'x' },
        400,
        'If-Match must be an integer',
      ],
      ['an unknown metadata key', 'GET', 'metadata/none', '', {}, 404, 'not found'],
      ['an unknown data key', 'GET', 'data/none', '', {}, 404, 'not found'],
      ['an unknown secret', 'GET', 'secrets/none', '', {}, 404, 'not found'],
      ['an unknown report', 'GET', 'report/none', '', {}, 404, 'not found'],
      ['deleting an unknown report', 'DELETE', 'report/none', '', {}, 404, 'not found'],
      [
        'another version',
        'PUT',
        'report/a',
        '{"content_type":"a/b","payload":1}',
        { 'if-match': '3' },
        409,
        'version conflict',
      ],
      [
        'an unreachable control plane',
        'GET',
        'secrets/down',
        '',
        {},
        503,
        'control plane unavailable',
      ],
      ['a secret of other nodes', 'GET', 'secrets/refused', '', {}, 404, 'not found'],
    ]
    for (const [what, method, path, body, headers, status, error] of cases) {
      it(`answers ${status} "${error}" to ${what}`, async () => {
        place.secrets.set('down', new Error('connect: refused'))
        place.secrets.set('refused', new ApiError('forbidden', 'forbidden'))
        const response = await send(method, `/v1/state/${path}`, {
          headers,
          ...(body === '' ? {} : { body }),
        })
        assert.deepEqual([response.status, response.text], [status, `{"error":"${error}"}\n`])
        assert.equal(response.headers['content-type'], 'application/json')
      })
    }
  })
}

describe('the token of the TCP listener', () => {
  const path = '/v1/state'
  const unauthorized = [401, '{"error":"unauthorized"}\n']

  it('is asked for on every path, known or not', async () => {
    await using place = await startPlace()
    for (const [method, target] of [
      ['GET', path],
      ['GET', '/nothing'],
      ['PUT', '/v1/state/report/a'],
      ['OPTIONS', path],
      ['GET', '/v1//state'],
    ] as const) {
      const { status, text } = await place.tcp(method, target, { headers: { authorization: '' } })
      assert.deepEqual([status, text], unauthorized, `${method} ${target}`)
    }
  })

  it('must be right to the letter, its scheme in any case, one space between', async () => {
    await using place = await startPlace()
    const answers = async (authorization: string): Promise<number> =>
      (await place.tcp('GET', path, { headers: { authorization } })).status
    assert.equal(await answers(`Bearer ${place.token}`), 200)
    assert.equal(await answers(`bearer ${place.token}`), 200)
    assert.equal(await answers(`BEARER ${place.token}`), 200)
    assert.equal(await answers(`Bearer  ${place.token}`), 401)
    assert.equal(await answers(`Bearer\t${place.token}`), 401)
    assert.equal(await answers(`Bearer ${place.token}x`), 401)
    assert.equal(await answers(`Bearer ${place.token.slice(1)}`), 401)
    assert.equal(await answers(`Basic ${place.token}`), 401)
    assert.equal(await answers(place.token), 401)
    assert.equal(await answers('Bearer'), 401)
  })

  it('is not asked for on the socket', async () => {
    await using place = await startPlace()
    assert.equal((await place.unix('GET', path)).status, 200)
  })
})

function assertEntry(actual: unknown, expected: object): void {
  const { updated_at, ...entry } = actual as { updated_at: string } // every entry has one
  assert.deepEqual(entry, expected)
  assert.match(updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
}
