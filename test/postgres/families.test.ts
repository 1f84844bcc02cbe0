import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres } from '@plexd/runtime/testing'
import { runToEnd } from '../../scripts/programs/program.ts'
import { createRandom } from '../support/random.ts'

const isAll = process.env.PLEXD_POSTGRES === 'all'
const seed = Number(process.env.PLEXD_POSTGRES_SEED ?? Date.now() % 1_000_000)

/** Where the control planes of a test keep their state; of two replicas, one serves and the other passes on. */
type Place = 'postgres' | 'replicas'
type Case = readonly [Place, file: string]

/** What holds for the file in the data folder holds here as well; of these, one is drawn. */
const drawn: [Case, ...Case[]] = [
  ['postgres', 'test/contract/operations.test.ts'],
  ['postgres', 'test/contract/events.test.ts'],
  ['postgres', 'test/kill/kill.test.ts'],
  ['postgres', 'test/sequences/sequences.test.ts'],
  ['postgres', 'test/dispatch/dispatch.test.ts'],
  ['postgres', 'test/dispatch/cancel.test.ts'],
  ['replicas', 'test/contract/operations.test.ts'],
  ['replicas', 'test/sequences/sequences.test.ts'],
]

/** Always: that nothing is lost when one of two is killed. */
const always: Case = ['replicas', 'test/kill/kill.test.ts']

const chosen = isAll ? drawn : [createRandom(seed).pick(drawn)]

describe('with PostgreSQL', { skip: noPostgres }, () => {
  for (const [place, file] of [always, ...chosen])
    it(`${place === 'replicas' ? 'two replicas pass' : 'passes'} ${file}`, {
      timeout: 3_600_000,
    }, async (t) => {
      t.diagnostic(`PLEXD_POSTGRES_SEED=${seed}`)
      // Without what says that this is a test: a runner in a test runs nothing.
      const command = ['-u', 'NODE_TEST_CONTEXT', process.execPath, '--test', file]
      const { code, stdout } = await runToEnd('env', command, {
        PLEXD_TEST_DATABASE: place,
        PLEXD_KILL_ROUNDS: process.env.PLEXD_KILL_ROUNDS ?? '3',
      })
      assert.equal(code, 0, stdout)
      assert.match(stdout, /^ℹ pass [1-9]/m, 'none has run')
    })
})
