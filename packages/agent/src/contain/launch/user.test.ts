import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Exec, ExecError } from '@plexd/runtime'
import { makeFolder } from '../../testing/node.ts'
import { findUser, type ProgramUser, userOptions } from './user.ts'

const needsRoot = process.getuid?.() !== 0 && 'needs root, to become others'

/** What id(1) says as this user, on a machine with these users and groups. */
async function idsOf(user: ProgramUser, passwd: string, group: string): Promise<string> {
  await using folder = await makeFolder()
  const files = { passwd: join(folder.path, 'passwd'), group: join(folder.path, 'group') }
  await writeFile(files.passwd, passwd, { mode: 0o644 })
  await writeFile(files.group, group, { mode: 0o644 })
  const mounts = Object.entries(files).map(([name, path]) => `mount --bind ${path} /etc/${name}`)
  const script = [...mounts, 'exec setpriv "$@" -- sh -c "id -u; id -g; id -G"'].join(' && ')
  const command = ['--mount', '--', 'sh', '-c', script, 'sh', ...userOptions(user)]
  return execFileSync('unshare', command, { encoding: 'utf8' }).trim().replaceAll('\n', '; ')
}

describe('userOptions', () => {
  it('is the user of these numbers, whoever is called like one', { skip: needsRoot }, async () => {
    const user = { uid: 7_001, gid: 7_002, name: 'web', groups: [7_003], home: '/' }
    const passwd = 'root:x:0:0::/:/bin/sh\nweb:x:7001:7002::/:/bin/sh\n7001:x:0:0::/:/bin/sh\n'
    const group = 'root:x:0:\n7002:x:0:\n7003:x:0:\n'
    assert.equal(await idsOf(user, passwd, group), '7001; 7002; 7002 7003')
  })

  it('is in the groups of its own name alone', { skip: needsRoot }, async () => {
    const user = { uid: 7_001, gid: 7_002, name: 'guest', groups: [], home: '/' }
    const passwd =
      'root:x:0:0::/:/bin/sh\nweb:x:7001:7002::/:/bin/sh\nguest:x:7001:7002::/:/bin/sh\n'
    assert.equal(await idsOf(user, passwd, 'disk:x:6:web\n'), '7001; 7002; 7002')
  })
})

describe('findUser', () => {
  const find = (passwd: string): Promise<ProgramUser | undefined> => {
    const run: Exec = async ([, table = '']) => {
      if (passwd === '') throw new ExecError('getent', { exitCode: 2 })
      return table === 'passwd' ? `${passwd}\n` : 'web                   7002 27\n'
    }
    return findUser('web', run)
  }

  it('has the groups of the name', { skip: needsRoot }, async () => {
    const web = { name: 'web', uid: 7_001, gid: 7_002, groups: [7_002, 27], home: '/srv' }
    assert.deepEqual(await find('web:x:7001:7002::/srv:/bin/sh'), web)
  })

  it('refuses a number that the kernel takes for "leave it as it is"', async () => {
    for (const ids of ['4294967295:7002', '7001:4294967295'])
      await assert.rejects(find(`web:x:${ids}::/srv:/bin/sh`), /there is no such user/)
  })
})
