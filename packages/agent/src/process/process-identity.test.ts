import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@plexd/runtime/testing'
import { endProcess, hasEndedNow, identify, parseStat, stateOf } from './process-identity.ts'

describe('a process', () => {
  it('is read from a line in which its name may be anything', () => {
    const rest = Array.from({ length: 40 }, (_, index) => index)
    assert.deepEqual(parseStat(`77 (a) S (b\nc) T ${rest.join(' ')}\n`), {
      name: 'a) S (b\nc',
      state: 'T',
      threads: 16,
      startTicks: '18',
    })
    assert.equal(parseStat(''), undefined)
    assert.equal(parseStat('77 (short) S 1 2'), undefined)
  })

  it('is ended even if it is stopped', async () => {
    const child = spawn('sleep', ['1000'])
    const process_ = await identify(child.pid ?? 0)
    assert.ok(process_)
    child.kill('SIGSTOP')
    await until('it is stopped', async () => (await stateOf(process_)) === 'T')
    assert.equal(hasEndedNow(process_), false)
    const exited = once(child, 'exit')
    await endProcess(process_, { sleep })
    assert.deepEqual(await exited, [null, 'SIGKILL'])
    assert.equal(await stateOf(process_), undefined)
    assert.equal(hasEndedNow(process_), true)
  })

  it('is not ended if another process has its id', async () => {
    const child = spawn('sleep', ['1000'])
    const other = await identify(child.pid ?? 0)
    assert.ok(other)
    await endProcess({ ...other, startTicks: '1' }, { sleep })
    assert.equal(await stateOf({ ...other, startTicks: '1' }), undefined)
    assert.notEqual(await stateOf(other), undefined)
    const exited = once(child, 'exit')
    child.kill()
    assert.deepEqual(await exited, [null, 'SIGTERM'])
  })

  it('does not count as ended if it cannot be inspected', () => {
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', `ulimit -n 40 && exec "${process.execPath}" --input-type=module --eval "$0"`, starved],
      { encoding: 'utf8' },
    )
    assert.deepEqual([stdout, stderr], ['false EMFILE EMFILE\n', ''])
  })
})

/** Looks at a process, itself, after it has used up its descriptors. */
const starved = `
import { openSync } from 'node:fs'
import { hasEndedNow, identify, stateOf } from '${import.meta.resolve('./process-identity.ts')}'
const process_ = await identify(process.pid)
try { for (;;) openSync('/dev/null') } catch {}
const codes = await Promise.all(
  [identify(process.pid), stateOf(process_)].map((look) => look.catch(({ code }) => code)),
)
process.stdout.write([hasEndedNow(process_), ...codes].join(' ') + '\\n')
`
