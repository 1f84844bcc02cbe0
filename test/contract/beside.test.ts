import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controlApi, type Operation } from '@plexd/protocol'
import { openSystem } from '../support/open-system.ts'

const get = (path: `/${string}`): Operation => ({
  method: 'GET',
  path,
  auth: 'none',
  summary: '',
  status: 200,
  errors: [],
})

describe('what the control plane serves beside the tables', () => {
  const system = openSystem()

  for (const path of ['/health', '/healthz', '/readyz'] as const) {
    it(`answers ${path} to anybody`, async () => {
      const answer = await system.call(get(path))
      assert.equal(answer.status, 200)
      answer.json()
    })
  }

  it('answers /metrics as Prometheus reads it', async () => {
    const { status, headers, text } = await system.call(get('/metrics'))
    assert.equal(status, 200)
    assert.match(headers['content-type'] ?? '', /^text\/plain/)
    assert.match(text, /^# TYPE \w+ (counter|gauge|histogram|summary)$/m)
  })

  it('answers /openapi.json with every operation of the control API', async () => {
    const document = (await system.call(get('/openapi.json'))).json<{
      openapi: string
      paths: Record<string, Record<string, unknown>>
    }>()
    assert.match(document.openapi, /^3\.1\./)
    for (const { method, path } of Object.values(controlApi))
      assert.ok(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`)
  })

  it('answers an unknown path with 404 in JSON', async () => {
    const answer = await system.call(get('/v1/nobody'))
    assert.equal(answer.status, 404)
    assert.deepEqual(answer.json(), { error: 'not found', code: 'not_found' })
  })
})
