import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogReader } from './log-reader.ts'

const { signal } = new AbortController()
const kept = () => [1, 2, 3, 4].map((at) => ({ atMs: at * 1_000, text: `line ${at}` }))

describe('createLogReader', () => {
  it('has the newest of the kept lines, of that time and later', async () => {
    const read = createLogReader({ kept, unit: undefined })
    const texts = async (lines: number, sinceMs?: number) =>
      (await read({ lines, sinceMs }, signal)).lines
    assert.deepEqual(await texts(2), ['line 3', 'line 4'])
    assert.deepEqual(await texts(9, 3_000), ['line 3', 'line 4'])
    assert.deepEqual(await texts(9, 9_000), [])
  })

  it('reads the journal of its unit, where it logs to one', async () => {
    const commands: string[] = []
    const read = createLogReader({
      kept,
      unit: 'plexd.service',
      async run(command) {
        commands.push(command.join(' '))
        return 'one\ntwo\n'
      },
    })
    assert.deepEqual(await read({ lines: 5, sinceMs: 1_500 }, signal), {
      source: 'the journal of "plexd.service"',
      lines: ['one', 'two'],
    })
    assert.deepEqual(commands, [
      'journalctl --quiet --no-pager --output=short-iso --unit=plexd.service --lines=5 --since=@1',
    ])
  })
})
