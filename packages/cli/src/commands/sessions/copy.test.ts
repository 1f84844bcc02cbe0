import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { SFTPWrapper } from 'ssh2'
import { type Bench, startBench } from '../../testing/run.ts'
import { startSshNode } from '../../testing/ssh-node.ts'
import { parseEnd } from './files/place.ts'

/** The node shares the file system of the test. */
/** A copy is written under a name of its own. */
const untilCopying = ({ folder }: Bench) =>
  until(
    'the copy has begun',
    async () => (await readdir(folder)).some((name) => name.startsWith('.plexctl-')),
    20_000,
    0,
  )
const cp = (bench: Bench, ...args: string[]) => bench.run(['cp', '--mesh', ...args])

describe('plexctl cp', () => {
  it('copies a file both ways, with its permissions, and into a folder under its own name', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const from = await bench.file('from', Buffer.alloc(3_000_001, 'abc'))
    await chmod(from, 0o741)

    const sent = join(bench.folder, 'sent')
    await cp(bench, from, `web-01:${sent}`)
    await mkdir(join(bench.folder, 'in'))
    await cp(bench, `deploy@web-01:${sent}`, join(bench.folder, 'in'))

    const back = join(bench.folder, 'in', 'sent')
    assert.deepEqual(await readFile(back), await readFile(from))
    assert.deepEqual([await modeOf(sent), await modeOf(back)], [0o741, 0o741])
    assert.equal(node.logins[1]?.login, 'deploy')
  })

  it('copies a folder with all that is in it, if asked to', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const tree = join(bench.folder, 'tree')
    await mkdir(join(tree, 'deep', 'er'), { recursive: true })
    await writeFile(join(tree, 'deep', 'er', 'file'), 'x')
    await writeFile(join(tree, 'empty'), '')
    await symlink('empty', join(tree, 'link'))
    await symlink('nowhere', join(tree, 'broken'))
    await chmod(join(tree, 'deep'), 0o500)

    await assert.rejects(cp(bench, tree, `web-01:${bench.folder}/up`), /it is a folder: use -r$/)
    await cp(bench, '-r', tree, `web-01:${bench.folder}/up`)
    await cp(bench, '-r', `web-01:${bench.folder}/up`, `${bench.folder}/down`)

    for (const name of ['up', 'down']) {
      const folder = join(bench.folder, name)
      assert.deepEqual((await readdir(folder)).sort(), ['deep', 'empty', 'link'])
      assert.equal(await readFile(join(folder, 'deep/er/file'), 'utf8'), 'x')
      assert.equal(await modeOf(join(folder, 'deep')), 0o500)
      await chmod(join(folder, 'deep'), 0o700)
    }
    await chmod(join(tree, 'deep'), 0o700)
  })

  it('leaves nothing of a copy that failed, and what was there before as it was', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const old = await bench.file('old', 'before')
    const large = await bench.file('large', Buffer.alloc(100_000_000))

    const running = cp(bench, large, `web-01:${old}`)
    await untilCopying(bench)
    node.cut('revoked')

    await assert.rejects(running, /: session "sess_1" has ended: it was revoked$/)
    assert.equal(await readFile(old, 'utf8'), 'before')
  })

  it('leaves nothing of a copy that was interrupted', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const large = await bench.file('large', Buffer.alloc(100_000_000))
    const interrupt = new AbortController()

    const args = ['cp', '--mesh', `web-01:${large}`, join(bench.folder, 'new')]
    const running = bench.run(args, { signal: interrupt.signal })
    await untilCopying(bench)
    interrupt.abort()

    await assert.rejects(running, { exitCode: 130, message: 'interrupted' })
    assert.deepEqual((await readdir(bench.folder)).sort(), ['large', 'token'])
  })

  it('says what cannot be read or written, on which side', async () => {
    await using node = await startSshNode()
    await using bench = await startBench(node.replies)
    const file = await bench.file('file', 'x')

    await assert.rejects(cp(bench, 'web-01:/no/such', '.'), {
      message: 'read web-01:/no/such: there is no such file',
    })
    await assert.rejects(cp(bench, file, 'web-01:/no/such'), {
      message: new RegExp(`^copy ${file} to web-01:/no/such: No such file$`),
    })
    await assert.rejects(cp(bench, `web-01:${file}`, '/no/such'), /: ENOENT: .* open '\/no\/such'$/)
    await assert.rejects(cp(bench, file, 'web-01:/nowhere/'), /there is no such folder$/)
  })

  it('wants exactly one side on a node', async () => {
    await using bench = await startBench()

    await assert.rejects(cp(bench, 'a', './b:c'), /neither is on a node: write NODE:PATH/)
    await assert.rejects(cp(bench, 'a:x', 'b:y'), /both are on nodes: copy it here first/)
    assert.deepEqual(bench.server.lines(), [])
  })
})

describe('plexctl cp, with a node that is not honest', () => {
  const aFile = { mode: 0o100_644, size: 1_000, uid: 0, gid: 0, atime: 0, mtime: 0 }
  const aFolder = { ...aFile, mode: 0o040_755 }
  const handle = Buffer.from('handle')

  it('ends when it never sends a byte of a file', async () => {
    const serveFiles = (sftp: SFTPWrapper): void => {
      sftp.on('STAT', (id) => sftp.attrs(id, aFile))
      sftp.on('FSTAT', (id) => sftp.attrs(id, aFile))
      sftp.on('OPEN', (id) => sftp.handle(id, handle))
      sftp.on('READ', (id) => sftp.data(id, Buffer.alloc(0)))
      sftp.on('CLOSE', (id) => sftp.status(id, 0))
    }
    await using node = await startSshNode({ serveFiles })
    await using bench = await startBench(node.replies)
    const to = join(bench.folder, 'to')
    await assert.rejects(
      cp(bench, 'web-01:/etc/motd', to),
      /the node answers without a byte of it$/,
    )
    assert.ok(!(await readdir(bench.folder)).some((name) => /^to$|^\.plexctl-/.test(name)))
  })

  it('ends when its folder has no end', async () => {
    const serveFiles = (sftp: SFTPWrapper): void => {
      sftp.on('STAT', (id) => sftp.attrs(id, aFolder))
      sftp.on('OPENDIR', (id) => sftp.handle(id, handle))
      sftp.on('READDIR', (id) => sftp.name(id, []))
      sftp.on('CLOSE', (id) => sftp.status(id, 0))
    }
    await using node = await startSshNode({ serveFiles })
    await using bench = await startBench(node.replies)
    const copying = cp(bench, '-r', 'web-01:/etc', join(bench.folder, 'to'))
    await assert.rejects(copying, /the node answers without a name$/)
  })

  it('ends when it takes no bytes in a packet', async () => {
    for (const packetBytes of [0, 1]) {
      await using node = await startSshNode({ packetBytes })
      await using bench = await startBench(node.replies)
      const from = await bench.file('from', 'x')
      const message = new RegExp(`its SSH server takes ${packetBytes} bytes in a packet`)
      await assert.rejects(cp(bench, from, 'web-01:/nowhere'), message)
    }
  })
})

describe('parseEnd', () => {
  const cases: [text: string, place: string | undefined, path: string][] = [
    ['web-01:/etc/motd', 'web-01', '/etc/motd'],
    ['deploy@web-01:a:b', 'deploy@web-01', 'a:b'],
    ['web-01:', 'web-01', '.'],
    ['web-01:~/x', 'web-01', 'x'],
    ['./web-01:x', undefined, './web-01:x'],
    ['/a:b', undefined, '/a:b'],
    ['plain', undefined, 'plain'],
  ]
  for (const [text, place, path] of cases)
    it(`takes "${text}" as scp does`, () => {
      assert.deepEqual(parseEnd(text), place === undefined ? { path } : { place, path })
    })
})

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}
