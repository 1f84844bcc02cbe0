import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExecError } from '@plexd/runtime'
import { createGroupLookup, findGroup } from './group.ts'

describe('findGroup', () => {
  it('reads the file of the groups where there is no getent', async () => {
    const missing = async (): Promise<string> => {
      throw new ExecError('run "getent"', { missing: true })
    }
    assert.equal(await findGroup('root', missing), 0)
    assert.equal(await findGroup('plexd-no-such-group', missing), undefined)
  })
})

describe('a group that is looked up', () => {
  it('is found seconds after it was made, and is asked for once in that time', async () => {
    let nowMs = 0
    let asked = 0
    let gid: number | undefined
    const lookup = createGroupLookup(
      'plexd-secrets',
      () => nowMs,
      async () => {
        asked++
        return gid
      },
    )
    assert.equal(await lookup(), undefined)
    gid = 50
    nowMs = 4_999
    assert.equal(await lookup(), undefined)
    nowMs = 5_000
    assert.deepEqual(await Promise.all([lookup(), lookup(), lookup()]), [50, 50, 50])
    assert.equal(asked, 2)
  })

  it('is looked up again, because a group that was created again has another id', async () => {
    let nowMs = 0
    let gid: number | undefined = 50
    const lookup = createGroupLookup(
      'plexd-secrets',
      () => nowMs,
      async () => gid,
    )
    assert.equal(await lookup(), 50)
    gid = undefined
    nowMs = 5_000
    assert.equal(await lookup(), undefined)
    gid = 51
    nowMs = 10_000
    assert.equal(await lookup(), 51)
  })
})
