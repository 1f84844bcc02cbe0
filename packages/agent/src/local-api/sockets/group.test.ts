import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ExecError, silentLog } from '@plexd/runtime'
import { createGroupLookup, findGroup } from './group.ts'

describe('findGroup', () => {
  it('reads the file of the groups where there is no getent', async () => {
    const missing = async (): Promise<string> => {
      throw new ExecError('run "getent"', { missing: true })
    }
    assert.equal(await findGroup('root', missing), 0)
    assert.equal(await findGroup('plexd-no-such-group', missing), undefined)
  })

  it('says that there is none only where getent says so', async () => {
    const ends = (end: ConstructorParameters<typeof ExecError>[1]) =>
      findGroup('plexd', async () => {
        throw new ExecError('run "getent"', end)
      })
    assert.equal(await ends({ exitCode: 2 }), undefined)
    await assert.rejects(ends({ exitCode: 1 }), ExecError)
    await assert.rejects(ends({}), ExecError, 'it took too long')
  })
})

describe('a group that is looked up', () => {
  it('is found seconds after it was made, and is asked for once in that time', async () => {
    let nowMs = 0
    let asked = 0
    let gid: number | undefined
    const lookup = createGroupLookup('plexd-secrets', {
      monotonic: () => nowMs,
      log: silentLog,
      find: async () => {
        asked++
        return gid
      },
    })
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
    const lookup = createGroupLookup('plexd-secrets', {
      monotonic: () => nowMs,
      log: silentLog,
      find: async () => gid,
    })
    assert.equal(await lookup(), 50)
    gid = undefined
    nowMs = 5_000
    assert.equal(await lookup(), undefined)
    gid = 51
    nowMs = 10_000
    assert.equal(await lookup(), 51)
  })

  it('keeps its id while nobody can say what it is, and that is told once', async () => {
    let nowMs = 0
    const answers = [50, undefined, undefined, 51]
    const told: string[] = []
    const lookup = createGroupLookup('plexd-secrets', {
      monotonic: () => nowMs,
      log: { warn: (message) => void told.push(message) },
      async find() {
        const answer = answers.shift()
        if (answer === undefined) throw new Error('no answer')
        return answer
      },
    })
    const found: unknown[] = []
    for (; nowMs <= 15_000; nowMs += 5_000) found.push(await lookup())
    assert.deepEqual(found, [50, 50, 50, 51])
    assert.equal(told.length, 1)
  })
})
