import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { examine, formatFindings, ok } from './doctor.ts'

describe('formatFindings', () => {
  it('prints a line for each check, and its remedy under it', () => {
    assert.equal(
      formatFindings([
        { check: 'disk', state: 'ok', detail: 'enough' },
        { check: 'the daemon', state: 'failed', detail: 'none\nanswers', remedy: 'plexd up' },
      ]),
      `ok      disk:       enough
FAILED  the daemon: none?answers
        -> plexd up
`,
    )
  })
})

describe('examine', () => {
  it('goes on where a check throws', async () => {
    const findings = await examine<string>(
      [
        { name: 'a', run: async (subject) => ok(subject) },
        { name: 'b', run: () => Promise.reject(new Error('no')) },
      ],
      'fine',
    )
    assert.deepEqual(findings, [
      { check: 'a', state: 'ok', detail: 'fine' },
      {
        check: 'b',
        state: 'failed',
        detail: 'it cannot be checked: no',
        remedy: 'run this as root',
      },
    ])
  })
})
