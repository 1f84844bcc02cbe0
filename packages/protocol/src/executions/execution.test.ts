import assert from 'node:assert/strict'
import { it } from 'node:test'
import { whyEnded } from './execution.ts'

it('an execution ended for its reason, or else by its exit code; a success needs none', () => {
  const cases = [
    [{ status: 'failure', reason: '', exit_code: 4 }, 'exit code 4'],
    [{ status: 'failure', reason: 'plexd was restarted', exit_code: 1 }, 'plexd was restarted'],
    [{ status: 'rejected', reason: 'integrity violation', exit_code: null }, 'integrity violation'],
    [{ status: 'lost', reason: '', exit_code: null }, ''],
    [{ status: 'success', reason: '', exit_code: 0 }, ''],
  ] as const
  for (const [execution, why] of cases) assert.equal(whyEnded(execution), why)
})
