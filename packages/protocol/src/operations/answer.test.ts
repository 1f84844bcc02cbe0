import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerHeader, formOf } from './answer.ts'

const json = { 'content-type': 'application/json; charset=utf-8' }
const marked = { ...json, [answerHeader]: 'life' }
const failure = '{"error":"unauthorized","code":"unauthorized"}'

describe('formOf', () => {
  it('knows an answer of ours by header and body together', () => {
    for (const [status, body] of [
      [200, '{}'],
      [202, ' {"a":[1]}\n'],
      [304, ''],
      [401, failure],
      [409, '{"error":"version conflict","code":"conflict","conflicts":[]}'],
    ] as const)
      assert.equal(formOf({ status, headers: marked, body }), 'ours', `${status} ${body}`)
    const stream = { ...marked, 'content-type': 'text/event-stream' }
    assert.equal(formOf({ status: 200, headers: stream, body: '' }), 'ours')
  })

  it('does not take one for ours that lacks the header, or a part of the body', () => {
    assert.equal(formOf({ status: 401, headers: json, body: failure }), 'bare')
    for (const [status, body] of [
      [200, ''],
      [200, '{"peers":[{"id"'],
      [401, ''],
      [401, '{"message":"no route"}'],
      [400, failure.slice(0, -1)],
    ] as const)
      assert.equal(formOf({ status, headers: marked, body }), 'bare', `${status} ${body}`)
  })

  it('knows a page by its type or its first character, whatever else it has', () => {
    const page = { 'content-type': 'text/html; charset=iso-8859-1' }
    assert.equal(formOf({ status: 200, headers: page, body: '' }), 'html')
    assert.equal(formOf({ status: 403, headers: {}, body: '\n<!doctype html>' }), 'html')
    assert.equal(formOf({ status: 403, headers: marked, body: '<html>' }), 'html')
  })
})
