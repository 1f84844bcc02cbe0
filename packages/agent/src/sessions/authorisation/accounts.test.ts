import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Exec, ExecError, systemClock } from '@plexd/runtime'
import { makeFolder } from '../../testing/node.ts'
import { findAccount } from './accounts.ts'
import { SessionRefusal } from './refusal.ts'

/** Answers as getent does for these lines. */
function getent(passwd: string, shadow = ''): Exec {
  return async ([, table = '']) => {
    if (table === 'initgroups') return `${passwd.split(':')[0]} 1002 27\n`
    const line = table === 'passwd' ? passwd : shadow
    if (line === '') throw new ExecError('getent', { exitCode: 2 })
    return `${line}\n`
  }
}

const deploy = 'deploy:x:1001:1002:Deploy,,,:/home/deploy:/bin/bash'
const day = Math.floor(Date.now() / 86_400_000)
const deps = { clock: systemClock, ownUid: 0, nologinFiles: [] }

function find(passwd: string, shadow?: string, changes = {}) {
  return findAccount('deploy', { ...deps, run: getent(passwd, shadow), ...changes })
}

function refuses(found: Promise<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(found, (error) => {
    assert.ok(error instanceof SessionRefusal, String(error))
    assert.match(error.message, message)
    return true
  })
}

describe('findAccount', () => {
  it('has the user of that name, with the shell of passwd(5)', async () => {
    const account = { name: 'deploy', uid: 1_001, gid: 1_002, home: '/home/deploy' }
    assert.deepEqual(await find(deploy, 'deploy:$y$x:19000:0:99999:7:::'), {
      ...account,
      groups: [1_002, 27],
      shell: '/bin/bash',
    })
    assert.equal((await find('deploy:x:1001:1002:::')).shell, '/bin/sh')
    // No password is no lock.
    for (const hash of ['*', '', 'x']) await find(deploy, `deploy:${hash}:19000:0:99999:7:::`)
    await find(deploy, `deploy:*:19000::::14:${day}:`)
  })

  it('refuses one that is not there, is locked, or has expired', async () => {
    await refuses(find(''), /^there is no user "deploy" on this node$/)
    // getent takes a number for an id.
    await refuses(find('root:x:0:0:root:/root:/bin/sh'), /no user "deploy"/)
    await refuses(find('deploy:x::1002:::'), /no user "deploy"/)
    // The kernel takes the highest number for "leave it as it is", which is root.
    for (const ids of ['4294967295:1002', '1001:4294967295', '4294967296:1002'])
      await refuses(find(`deploy:x:${ids}:::`), /no user "deploy"/)
    for (const hash of ['!', '!!', '!$y$x', '!*'])
      await refuses(find(deploy, `deploy:${hash}:19000:0:99999:7:::`), /"deploy" is locked/)
    for (const expires of [day - 1, 0])
      await refuses(find(deploy, `deploy:*:19000::::14:${expires}:`), /"deploy" has expired/)
  })

  it('refuses another name for root, whoever asks', async () => {
    await refuses(find('deploy:x:0:0::/root:/bin/sh'), /root by another name/)
    const run = getent('root:x:0:0:root:/root:/bin/bash', 'root:*:19000::::::')
    assert.equal((await findAccount('root', { ...deps, run })).uid, 0)
  })

  it('refuses another user than its own where plexd is not root', async () => {
    await refuses(find(deploy, '', { ownUid: 1_003 }), /plexd does not run as root/)
    assert.equal((await find(deploy, '', { ownUid: 1_001 })).uid, 1_001)
  })

  it('lets only root in while the machine says so, and tells in its words', async () => {
    await using folder = await makeFolder()
    const file = join(folder.path, 'nologin')
    const nologinFiles = [join(folder.path, 'none'), file]
    await find(deploy, '', { nologinFiles })
    await writeFile(file, 'maintenance until noon\nmore\n')
    await refuses(find(deploy, '', { nologinFiles }), /nologin" is there: maintenance until noon$/)
    const run = getent('root:x:0:0:root:/root:/bin/bash')
    await findAccount('root', { ...deps, run, nologinFiles })
  })

  it('asks the machine', async () => {
    const { username, uid, homedir } = userInfo()
    const account = await findAccount(username, { clock: systemClock, nologinFiles: [] })
    assert.partialDeepStrictEqual(account, { name: username, uid, home: homedir })
    await refuses(findAccount('no-such-user', { clock: systemClock }), /there is no user/)
    await refuses(findAccount('0', { clock: systemClock }), /there is no user "0"/)
  })
})
