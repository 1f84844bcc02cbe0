import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { ExecutionResult } from '../executions/execution.ts'
import { Entry } from '../nodes/node-state.ts'
import { mapOf, WholeNumber } from './scalars.ts'

describe('mapOf', () => {
  it('checks the value of every key, whatever is in the key', () => {
    const map = Compile(mapOf(Type.String()))
    for (const key of ['', 'a', '\n', 'a\nb', '\r', '\u2028', '__proto__', '😀']) {
      const withKey = (value: unknown) =>
        JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(value)}}`)
      assert.equal(map.Check(withKey('x')), true, JSON.stringify(key))
      assert.equal(map.Check(withKey({})), false, JSON.stringify(key))
    }
  })
})

describe('WholeNumber', () => {
  it('is one that can be stored and read back', () => {
    const whole = Compile(WholeNumber)
    for (const text of ['0', '-1', '9007199254740991', '1e3'])
      assert.equal(whole.Check(JSON.parse(text)), true, text)
    for (const text of ['9007199254740993', '-9007199254740993', '1e400', '1.5', '"1"'])
      assert.equal(whole.Check(JSON.parse(text)), false, text)
  })

  it('bounds what is stored of an execution and an entry', () => {
    const exit_code = JSON.parse('9007199254740993')
    assert.equal(Compile(ExecutionResult).Check({ status: 'success', exit_code }), false)
    const entry = { key: 'k', content_type: 'a', payload: 1, updated_at: '2025-01-15T10:30:00Z' }
    assert.equal(Compile(Entry).Check({ ...entry, version: exit_code }), false)
  })
})
