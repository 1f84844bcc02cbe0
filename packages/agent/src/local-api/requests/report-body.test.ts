import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseVersion, readReportBody } from './report-body.ts'

describe('readReportBody', () => {
  it('takes content type and payload, compact and escaped as Go prints it', () => {
    assert.deepEqual(read('{ "content_type": "a/b", "payload": { "x" : "<&>" , "n": 1.50e2 } }'), {
      content_type: 'a/b',
      payload: '{"x":"\\u003c\\u0026\\u003e","n":1.50e2}',
    })
  })

  it('keeps what a JavaScript object would lose', () => {
    const payload = '{"b":1,"2":1,"1":1,"b":12345678901234567890}'
    assert.deepEqual(read(`{"content_type":"a","payload":${payload}}`), {
      content_type: 'a',
      payload,
    })
  })

  it('accepts field names in any letter case, unknown fields, and what follows the object', () => {
    assert.deepEqual(read('{"Content_Type":"a","PAYLOAD":null,"x":[]} trailing }'), {
      content_type: 'a',
      payload: 'null',
    })
  })

  it('refuses a payload that is nested too deeply or has too many values', () => {
    const nested = (levels: number) =>
      `{"content_type":"a","payload":${'['.repeat(levels)}${']'.repeat(levels)}}`
    assert.equal(typeof read(nested(61)), 'object')
    assert.equal(read(nested(62)), 'invalid JSON body')
    assert.equal(read(nested(500_000)), 'invalid JSON body')
    assert.equal(
      read(`{"content_type":"a","payload":[${'0,'.repeat(250_000)}0]}`),
      'invalid JSON body',
    )
  })

  it('takes null for an empty object', () => {
    for (const text of ['null', ' null x', '{}', '{"content_type":""}', '{"content_type":null}'])
      assert.equal(read(text), 'content_type is required', text)
  })

  it('refuses what is no JSON object', () => {
    for (const text of [
      '',
      ' ',
      '[]',
      '"x"',
      '1',
      '{',
      '{"a"',
      '{"a":"',
      '{"payload":tru}',
      '{a:1}',
      '\ufeff{}',
      '{"content_type":1}',
      '{"content_type":["a"]}',
    ])
      assert.equal(read(text), 'invalid JSON body', text)
  })

  it('refuses a body beyond the limit', () => {
    assert.equal(readReportBody(undefined), 'invalid JSON body')
  })

  it('asks for the content type before the payload', () => {
    assert.equal(read('{"payload":1}'), 'content_type is required')
    assert.equal(read('{"content_type":"a"}'), 'payload must be valid JSON')
  })

  it('handles a body of a megabyte, whatever its contents', () => {
    const size = 1_000_000
    const long = (payload: string) => read(`{"content_type":"a","payload":${payload}}`)
    assert.ok(typeof long(JSON.stringify('\\"'.repeat(size / 8))) === 'object')
    assert.equal(long('['.repeat(size / 2) + ']'.repeat(size / 2)), 'invalid JSON body')
    assert.ok(typeof long(`[${'1234, '.repeat(size / 6)}1]`) === 'object')
    assert.equal(read('{'.repeat(size)), 'invalid JSON body')
    assert.equal(read(`{"${'\\"'.repeat(size / 2)}`), 'invalid JSON body')
  })
})

describe('parseVersion', () => {
  it('reads what Go reads', () => {
    assert.equal(parseVersion('2'), 2)
    assert.equal(parseVersion('+2'), 2)
    assert.equal(parseVersion('-1'), -1)
    assert.equal(parseVersion('007'), 7)
    for (const text of ['"2"', '*', 'abc', '2.0', '', ' 2', '1e3', '0x1', '9223372036854775808'])
      assert.equal(parseVersion(text), undefined, text)
  })
})

function read(text: string): ReturnType<typeof readReportBody> {
  return readReportBody(Buffer.from(text))
}
