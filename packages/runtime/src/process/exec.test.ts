import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ExecError, exec, execAny } from './exec.ts'

describe('exec', () => {
  it('returns what the program printed, and feeds it its input', async () => {
    assert.equal(await execAny(['cat'], { input: 'table inet plexd\n' }), 'table inet plexd\n')
  })

  it('does not mind a program that leaves its input unread', async () => {
    assert.equal(await execAny(['true'], { input: 'x'.repeat(1_000_000) }), '')
  })

  it('lets it print elsewhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-exec-'))
    await using file = await open(join(folder, 'out'), 'w+')
    assert.equal(await execAny(['echo', 'plexd0'], { stdoutFd: file.fd }), '')
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
    await assert.rejects(execAny(['plexd-no-such-program', 'list']), {
      name: 'ExecError',
      missing: true,
      message: 'run "plexd-no-such-program list": spawn plexd-no-such-program ENOENT',
    })
  })

  it('says what to install, for a program that another was to start too', async () => {
    const before = process.env.PATH
    const folder = await mkdtemp(join(tmpdir(), 'plexd-path-'))
    await symlink('/usr/bin/env', join(folder, 'env'))
    process.env.PATH = folder
    try {
      await assert.rejects(exec(['getent', 'group', 'plexd']), {
        missing: true,
        message:
          'run "getent group plexd": "getent" is not installed, which finds the groups that may use the local API, and the users of hooks: apt-get install libc-bin',
      })
      await assert.rejects(exec(['env', 'wireguard-go', 'plexd0']), {
        missing: true,
        message: /"wireguard-go" is not installed, .*: apt-get install wireguard-go/,
      })
    } finally {
      process.env.PATH = before
      await rm(folder, { recursive: true })
    }
  })

  it('kills a program that takes too long', async () => {
    await assert.rejects(execAny(['sleep', '60'], { timeoutMs: 20 }), {
      message: 'run "sleep 60": it took longer than 20 ms',
    })
  })

  it('kills a program that prints without end', async () => {
    await assert.rejects(execAny(['yes'], { maxBytes: 1_000 }), {
      message: 'run "yes": it printed more than 1000 bytes',
    })
  })

  it('kills a program whose caller gave up', async () => {
    const controller = new AbortController()
    const running = execAny(['sleep', '60'], { signal: controller.signal })
    controller.abort(new Error('stopping'))
    await assert.rejects(running, { message: 'stopping' })
  })
})
