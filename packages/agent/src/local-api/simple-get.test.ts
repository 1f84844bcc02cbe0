import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSimpleGet } from './simple-get.ts'

describe('readSimpleGet', () => {
  it('reads target, token and tag, and where the next request begins', () => {
    const first = get('/v1/state?x', 'Authorization: Bearer t', 'If-None-Match:  "a" ')
    assert.deepEqual(readSimpleGet(first + get('/'), 0), {
      target: '/v1/state?x',
      authorization: 'Bearer t',
      ifNoneMatch: '"a"',
      end: first.length,
    })
    assert.equal(readSimpleGet(first + get('/'), first.length)?.target, '/')
  })

  it('takes what most clients say about the connection', () => {
    assert.equal(readSimpleGet(get('/', 'Connection: Keep-Alive'), 0)?.target, '/')
  })

  it('leaves everything else to a real parser', () => {
    for (const text of [
      get('/').slice(0, -1),
      get('/').slice(0, 8),
      `\r\n${get('/')}`,
      get('/').replace('GET', 'HEAD'),
      get('/').replace('GET', 'get'),
      get('/').replace('GET ', 'GET  '),
      get('/').replace('1.1', '1.0'),
      get('/').replaceAll('\r\n', '\n'),
      get('http://x/'),
      get('/\u00ff'),
      get('/', 'Connection: close'),
      get('/', 'Connection: Upgrade'),
      get('/', 'Content-Length: 0'),
      get('/', 'Transfer-Encoding: chunked'),
      get('/', 'Expect: 100-continue'),
      get('/', 'Upgrade: x'),
      get('/', 'host: twice'),
      get('/', 'X : space before the colon'),
      get('/', 'X: a\r\n folded'),
      get('/', 'X: \0'),
      get('/', 'X: a\rb'),
      get('/', ': no name'),
      'GET / HTTP/1.1\r\n\r\n',
    ])
      assert.equal(readSimpleGet(text, 0), undefined, JSON.stringify(text))
  })
})

function get(target: string, ...headers: string[]): string {
  return [`GET ${target} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')
}
