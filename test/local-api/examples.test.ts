import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { arch, release } from 'node:os'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { type Entry, localApi } from '@plexd/protocol'
import { until } from '@plexd/runtime/testing'
import type { AgentProcess } from '../../scripts/programs/agent.ts'
import { curlSocket } from '../support/curl.ts'
import { openSystem } from '../support/open-system.ts'
import { assertShape } from '../support/shape.ts'

/** What the agent says of the machine, beside the labels of the guide. */
const machine = {
  os: 'linux',
  arch: arch() === 'x64' ? 'amd64' : arch(),
  kernel: release(),
}

/** Every example of the guide "Using the Local Node API", in its order, with plexctl on the other side. */
describe('the Local Node API, by the examples of its guide', () => {
  const system = openSystem()
  let agent: AgentProcess

  const get = (path: string) => curlSocket(agent.socket, path)
  const put = (key: string, body: unknown, ...args: string[]) =>
    curlSocket(
      agent.socket,
      `/v1/state/report/${key}`,
      ...['-X', 'PUT', '-H', 'Content-Type: application/json', ...args],
      ...['-d', JSON.stringify(body)],
    )
  const body = async <Body = unknown>(path: string): Promise<Body> => {
    const answer = await get(path)
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['content-type'], 'application/json')
    return answer.json<Body>()
  }
  async function plexctl(...args: string[]): Promise<void> {
    const { code, stderr } = await system.plexctl(...args)
    assert.equal(code, 0, stderr)
  }
  async function fileWith(name: string, text: string): Promise<string> {
    const path = join(system.folder, name)
    await writeFile(path, text)
    return path
  }
  const node = ['--node', 'edge-us-west-42']
  async function putData(name: string, ...texts: string[]): Promise<void> {
    for (const text of texts)
      await plexctl('data', 'put', name, ...node, '--file', await fileWith(name, text))
  }
  async function putSecret(key: string, ...values: string[]): Promise<void> {
    for (const value of values) {
      const file = await fileWith(crypto.randomUUID(), value)
      await plexctl('secret', 'put', key, ...node, '--file', file)
    }
  }
  async function putMetadata(): Promise<void> {
    const labels = ['node_id=edge-us-west-42', 'region=us-west-2', 'role=gateway']
    await plexctl('node', 'metadata', 'set', 'edge-us-west-42', ...labels)
  }

  before(async () => {
    agent = await system.startAgent('edge-us-west-42')
    await Promise.all([
      putMetadata(),
      putData('nginx.conf', 'one', 'two', 'three'),
      putData('routes.json', '{ "default_backend": "10.0.0.5:8080" }'),
      putSecret('tls/server.key', 'key'),
      putSecret('db/password', 'old', 's3cret-p@ssw0rd'),
    ])
    await until('all of it has come', async () => {
      const { text } = await get('/v1/state')
      const versions = ['"nginx.conf","version":3', '"db/password","version":2', '"routes.json"']
      return [...versions, '"gateway"'].every((part) => text.includes(part))
    })
  })

  it('summarises the state', async () => {
    const state = await body('/v1/state')
    assertShape(localApi.getLocalState.response, state)
    assert.deepEqual(state, {
      metadata: { ...machine, node_id: 'edge-us-west-42', region: 'us-west-2', role: 'gateway' },
      data_keys: [
        { key: 'nginx.conf', version: 3, content_type: 'text/plain' },
        { key: 'routes.json', version: 1, content_type: 'application/json' },
      ],
      secret_keys: [
        { key: 'db/password', version: 2 },
        { key: 'tls/server.key', version: 1 },
      ],
      report_keys: [],
    })
  })

  it('lists all metadata', async () => {
    assert.deepEqual(await body('/v1/state/metadata'), {
      ...machine,
      node_id: 'edge-us-west-42',
      region: 'us-west-2',
      role: 'gateway',
    })
  })

  it('reads a single metadata key', async () => {
    assert.deepEqual(await body('/v1/state/metadata/region'), {
      key: 'region',
      value: 'us-west-2',
    })
  })

  it('lists data keys', async () => {
    assert.deepEqual(await body('/v1/state/data'), [
      { key: 'nginx.conf', version: 3, content_type: 'text/plain' },
      { key: 'routes.json', version: 1, content_type: 'application/json' },
    ])
  })

  it('reads a single data entry', async () => {
    const entry = await body<Entry>('/v1/state/data/routes.json')
    assertShape(localApi.getData.response, entry)
    const { updated_at, ...rest } = entry
    assert.deepEqual(rest, {
      key: 'routes.json',
      content_type: 'application/json',
      payload: { default_backend: '10.0.0.5:8080' },
      version: 1,
    })
    assert.ok(Math.abs(Date.now() - Date.parse(updated_at)) < 60_000)
    assert.equal((await body<Entry>('/v1/state/data/nginx.conf')).payload, 'three')
  })

  it('lists available secret keys', async () => {
    assert.deepEqual(await body('/v1/state/secrets'), [
      { key: 'db/password', version: 2 },
      { key: 'tls/server.key', version: 1 },
    ])
  })

  it('reads a secret value', async () => {
    assert.deepEqual(await body('/v1/state/secrets/db%2Fpassword'), {
      key: 'db/password',
      value: 's3cret-p@ssw0rd',
      version: 2,
    })
  })

  it('creates a report entry', async () => {
    const answer = await put('health', {
      content_type: 'application/json',
      payload: { status: 'healthy', uptime_s: 86400 },
    })
    assert.equal(answer.status, 200)
    const { updated_at, ...rest } = answer.json<Entry>()
    assertShape(localApi.putReport.response, answer.json())
    assert.deepEqual(rest, {
      key: 'health',
      content_type: 'application/json',
      payload: { status: 'healthy', uptime_s: 86400 },
      version: 1,
    })
    assert.ok(Math.abs(Date.now() - Date.parse(updated_at)) < 60_000)
  })

  it('updates with optimistic locking', async () => {
    const update = {
      content_type: 'application/json',
      payload: { status: 'degraded', uptime_s: 90000 },
    }
    const answer = await put('health', update, '-H', 'If-Match: 1')
    assert.equal(answer.status, 200)
    assert.equal(answer.json<Entry>().version, 2)
    const late = await put('health', update, '-H', 'If-Match: 1')
    assert.equal(late.status, 409)
    assert.deepEqual(late.json(), { error: 'version conflict' })
  })

  it('reads a report entry', async () => {
    const entry = await body<Entry>('/v1/state/report/health')
    assertShape(localApi.getReport.response, entry)
    assert.deepEqual(entry.payload, { status: 'degraded', uptime_s: 90000 })
  })

  it('lists all report keys', async () => {
    await put('inventory', { content_type: 'application/json', payload: [] })
    const keys = await body('/v1/state/report')
    assertShape(localApi.listReports.response, keys)
    assert.deepEqual(keys, [
      { key: 'health', version: 2 },
      { key: 'inventory', version: 1 },
    ])
  })

  it('brings report entries to plexctl', async () => {
    const listed = await until(
      'the reports arrive',
      async () => {
        const { stdout } = await system.plexctl('report', 'list', 'edge-us-west-42', '--json')
        const items = JSON.parse(stdout) as Entry[] // the items of the admin API
        return items.length === 2 && items
      },
      20_000,
    )
    const health = listed.find(({ key }) => key === 'health')
    // Beside it, plexctl shows who wrote it.
    assert.partialDeepStrictEqual(health, await body('/v1/state/report/health'))
  })

  it('deletes a report entry, here and for plexctl', async () => {
    const remove = () => curlSocket(agent.socket, '/v1/state/report/health', '-X', 'DELETE')
    const answer = await remove()
    assert.equal(answer.status, 204)
    assert.equal(answer.text, '')
    assert.equal((await get('/v1/state/report/health')).status, 404)
    const again = await remove()
    assert.equal(again.status, 404)
    assert.deepEqual(again.json(), { error: 'not found' })
    await until(
      'plexctl does not list it',
      async () => {
        const { stdout } = await system.plexctl('report', 'list', 'edge-us-west-42', '--json')
        return !stdout.includes('"health"')
      },
      20_000,
    )
  })

  it('shows a change that it is told of, long before it would pull', async () => {
    await putData('routes.json', '{ "default_backend": "10.0.0.6:8080" }')
    await until('the change is there', async () =>
      (await get('/v1/state/data/routes.json')).text.includes('10.0.0.6'),
    )
  })
})
