import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { answersJson, type ControlApi, codeOf, controlApi, type Operation } from '@plexd/protocol'
import { openSystem } from '../support/open-system.ts'
import { assertShape, fieldsOf } from '../support/shape.ts'
import type { RawAnswer } from '../support/system.ts'
import { contract } from './contract.ts'
import { type ContractCase, callerCases, type Stage } from './contract-case.ts'

describe('the control API', () => {
  // More wrong tokens than one address may try.
  const system = openSystem({ args: ['--limit', 'wrong_tokens=1000'] })
  let stage: Stage

  before(async () => {
    stage = { system, web: await system.enrol('web-01'), db: await system.enrol('db-01') }
  })

  for (const name of Object.keys(controlApi) as (keyof ControlApi)[]) {
    const operation: Operation = controlApi[name]
    const cases = [...callerCases(operation), ...contract[name]]

    describe(`${operation.method} ${operation.path}`, () => {
      for (const one of cases) {
        it(`answers ${one.status} ${one.when}`, async () => {
          const answer = await one.answer(stage)
          assert.equal(answer.status, one.status, answer.text)
          assertBody(operation, one, answer)
          await one.check?.(answer, stage)
        })
      }

      it('has a case for each of its statuses', () => {
        const { status, otherStatuses = [], errors } = operation
        const promised = new Set([status, ...otherStatuses, ...errors])
        const tested = new Set(cases.map((one) => one.status))
        assert.deepEqual([...promised.difference(tested)], [])
      })
    })
  }
})

function assertBody(operation: Operation, one: ContractCase, answer: RawAnswer): void {
  const { response, status } = operation
  if (one.status >= 400) assertFailure(one, answer)
  else if (one.status === 304) assert.equal(answer.text, '')
  else if (response && answersJson(operation) && one.status === status) {
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
    assertShape(response, answer.json())
    if (one.example !== undefined) assertFields(one, answer.json())
  }
}

/** `{ "error": text, "code": code }`, the code being that of the status. */
function assertFailure({ status, error }: ContractCase, answer: RawAnswer): void {
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
  const body = answer.json<{ error: unknown; code: unknown }>()
  assert.equal(body.code, codeOf(status))
  assert.equal(typeof body.error, 'string')
  assert.notEqual(body.error, '')
  if (error !== undefined) assert.equal(body.error, error)
}

function assertFields({ example, extensions = [] }: ContractCase, body: unknown): void {
  const wanted = fieldsOf(example)
  const found = fieldsOf(body)
  assert.deepEqual([...wanted.difference(found)], [], 'fields of the seed are missing')
  assert.deepEqual([...found.difference(wanted.union(new Set(extensions)))], [], 'unknown fields')
}
