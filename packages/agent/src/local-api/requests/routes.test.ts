import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { invalidKey, matchRoute } from './routes.ts'

describe('matchRoute', () => {
  it('finds a route and its key', () => {
    assert.deepEqual(matchRoute('GET', '/v1/state'), { name: 'getLocalState', key: '', query: '' })
    assert.deepEqual(matchRoute('GET', '/v1/state/data/nginx.conf?x=1'), {
      name: 'getData',
      key: 'nginx.conf',
      query: 'x=1',
    })
    assert.deepEqual(matchRoute('DELETE', '/v1/state/report/health'), {
      name: 'deleteReport',
      key: 'health',
      query: '',
    })
  })

  it('treats an encoded slash as part of the key, and a plain one as a separator', () => {
    assert.equal(keyOf('/v1/state/secrets/db%2Fpassword'), 'db/password')
    assert.equal(keyOf('/v1/state/metadata/a%20b+c%2fd'), 'a b+c/d')
    assert.equal(statusOf('GET', '/v1/state/secrets/db/password'), 404)
  })

  it('sends HEAD where GET goes', () => {
    assert.deepEqual(matchRoute('HEAD', '/v1/status'), { name: 'getStatus', key: '', query: '' })
  })

  it('knows no path with a slash at its end', () => {
    for (const path of ['/v1/state/', '/v1/state/report/', '/v1/state/report/health/', '/'])
      assert.equal(statusOf('GET', path), 404, path)
  })

  it('knows no health endpoints', () => {
    assert.equal(statusOf('GET', '/healthz'), 404)
    assert.equal(statusOf('GET', '/readyz'), 404)
  })

  it('names the methods that a path has', () => {
    assert.equal(allowOf('OPTIONS', '/v1/state'), 'GET, HEAD')
    assert.equal(allowOf('POST', '/v1/state/report/health'), 'DELETE, GET, HEAD, PUT')
    assert.equal(allowOf('PUT', '/v1/state/report'), 'GET, HEAD')
  })

  it('redirects to the clean path, whether or not it exists', () => {
    assert.equal(locationOf('//v1/state'), '/v1/state')
    assert.equal(locationOf('/v1//state/'), '/v1/state/')
    assert.equal(locationOf('/v1/state/../nothing?a=b'), '/v1/nothing?a=b')
    assert.equal(locationOf('/../../..'), '/')
    assert.equal(locationOf('/v1/./state/.'), '/v1/state')
    assert.equal(locationOf('//evil.example/x'), '/evil.example/x')
  })

  it('does not take encoded dots for a path', () => {
    assert.equal(keyOf('/v1/state/report/%2e%2e'), '..')
    assert.equal(keyOf('/v1/state/report/..a'), '..a')
  })

  it('refuses an invalid escape, and matches no entry for one that is not UTF-8', () => {
    assert.equal(statusOf('GET', '/v1/state/data/%zz'), 400)
    assert.equal(statusOf('GET', '/v1/state/data/%'), 400)
    assert.equal(keyOf('/v1/state/data/%ff'), invalidKey)
  })

  it('accepts the absolute form of a proxy', () => {
    assert.equal(keyOf('http://localhost/v1/state/data/a'), 'a')
  })
})

function answerOf(method: string, target: string) {
  const match = matchRoute(method, target)
  return 'answer' in match ? match.answer : assert.fail(`${target} leads to ${match.name}`)
}

function statusOf(method: string, target: string): number {
  return answerOf(method, target).status
}

function allowOf(method: string, target: string): string | undefined {
  const { status, headers, body } = answerOf(method, target)
  assert.deepEqual([status, body.toString()], [405, 'Method Not Allowed\n'])
  return headers.Allow
}

function locationOf(target: string): string | undefined {
  const { status, headers } = answerOf('GET', target)
  assert.equal(status, 307)
  return headers.Location
}

function keyOf(target: string): string {
  const match = matchRoute('GET', target)
  return 'key' in match ? match.key : assert.fail(`${target} has no key`)
}
