import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ExecError, exec } from './exec.ts'

describe('exec', () => {
  it('returns what the program printed, and feeds it its input', async () => {
    assert.equal(await exec(['cat'], { input: 'table inet plexd\n' }), 'table inet plexd\n')
  })

  it('does not mind a program that leaves its input unread', async () => {
    assert.equal(await exec(['true'], { input: 'x'.repeat(1_000_000) }), '')
  })

  it('lets it print elsewhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-exec-'))
    await using file = await open(join(folder, 'out'), 'w+')
    assert.equal(await exec(['echo', 'plexd0'], { stdoutFd: file.fd }), '')
    assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'plexd0\n')
    await rm(folder, { recursive: true })
  })

  it('tells the process id', async () => {
    let pid = 0
    const printed = await exec(['sh', '-c', 'echo $$'], { onSpawn: (id) => (pid = id) })
    assert.equal(printed.trim(), String(pid))
  })

  it('quotes the last words of a program that failed', async () => {
    await assert.rejects(
      exec(['sh', '-c', 'echo no such table >&2; exit 3']),
      new ExecError('run "sh -c echo no such table >&2; exit 3": exit code 3: no such table', {
        exitCode: 3,
        stderr: 'no such table',
      }),
    )
  })

  it('finds tools of the system that are not on the path of every user', async () => {
    const before = process.env.PATH
    process.env.PATH = '/usr/bin:/bin'
    try {
      assert.equal((await exec(['sh', '-c', 'echo $PATH'])).trim(), '/usr/bin:/bin:/usr/sbin:/sbin')
    } finally {
      process.env.PATH = before
    }
  })

  it('says which program is missing', async () => {
    await assert.rejects(exec(['plexd-no-such-program', 'list']), {
      name: 'ExecError',
      missing: true,
      message: 'run "plexd-no-such-program list": spawn plexd-no-such-program ENOENT',
    })
  })

  it('kills a program that takes too long', async () => {
    await assert.rejects(exec(['sleep', '60'], { timeoutMs: 20 }), {
      message: 'run "sleep 60": it took longer than 20 ms',
    })
  })

  it('kills a program that prints without end', async () => {
    await assert.rejects(exec(['yes'], { maxBytes: 1_000 }), {
      message: 'run "yes": it printed more than 1000 bytes',
    })
  })

  it('kills a program whose caller gave up', async () => {
    const controller = new AbortController()
    const running = exec(['sleep', '60'], { signal: controller.signal })
    controller.abort(new Error('stopping'))
    await assert.rejects(running, { message: 'stopping' })
  })
})
