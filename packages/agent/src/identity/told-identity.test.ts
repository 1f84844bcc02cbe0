import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { type DesiredState, type DesiredStore, emptyDesiredState } from '../state/desired-state.ts'
import { type Identity, type IdentityStore, rangesOf } from './identity.ts'
import { followToldIdentity, type ToldIdentity } from './told-identity.ts'

describe('followToldIdentity', () => {
  it('takes the name that the control plane has, at the start and with each change', async () => {
    const { desired, identity, names, rename } = setUp({ hostname: 'web-02' })
    using _ = follow(desired, identity)
    await settle()
    rename('web-03')
    await settle()
    assert.deepEqual(names, ['web-02', 'web-03'])
  })

  it('keeps its name where the control plane says none', async () => {
    const { desired, identity, names, rename } = setUp({ hostname: '' })
    using _ = follow(desired, identity)
    rename('web-01')
    rename('')
    await settle()
    assert.deepEqual(names, [])
  })

  it('ends with the last of several that come while one is saved', async () => {
    const { desired, identity, names, rename } = setUp({ hostname: '' })
    using _ = follow(desired, identity)
    for (const name of ['a', 'b', 'c', 'web-01']) rename(name)
    await settle()
    assert.deepEqual(names, ['a', 'web-01'])
  })

  it('keeps the ranges of the mesh, for a start without the control plane and for doctor', async () => {
    const { desired, identity, change } = setUp({ hostname: '' })
    using _ = follow(desired, identity)
    change({ mesh_ranges: ['10.100.0.0/16', '10.101.0.0/16'] })
    await settle()
    assert.deepEqual(rangesOf(identity.current()), ['10.100.0.0/16', '10.101.0.0/16'])
    change({ mesh_ranges: [] })
    await settle()
    assert.equal(rangesOf(identity.current())?.length, 2)
  })

  it('tries again when it is told to look, if it could not be saved', async () => {
    const { desired, identity, names, rename, breakDisk } = setUp({ hostname: '' })
    using own = follow(desired, identity)
    breakDisk(true)
    rename('web-02')
    await settle()
    assert.deepEqual(names, [])
    breakDisk(false)
    own.look()
    await settle()
    assert.deepEqual(names, ['web-02'])
  })
})

function follow(desired: DesiredStore, identity: IdentityStore): ToldIdentity {
  return followToldIdentity({ desired, identity, log: silentLog })
}

/** Nothing here waits for anything but promises. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function setUp({ hostname }: { hostname: string }) {
  const names: string[] = []
  let isBroken = false
  let state: DesiredState = { ...emptyDesiredState, hostname }
  let current = { hostname: 'web-01' } as Identity // of which nothing else is looked at
  const listeners = new Set<(now: DesiredState, before: DesiredState) => void>()
  const identity: IdentityStore = {
    current: () => current,
    async update(change) {
      const next = change(current)
      await Promise.resolve()
      if (isBroken) throw new Error('no space left')
      current = next
      names.push(current.hostname)
    },
  }
  function change(parts: Partial<DesiredState>): void {
    const before = state
    state = { ...state, ...parts }
    for (const listener of listeners) listener(state, before)
  }
  const desired: DesiredStore = {
    current: () => state,
    index: () => 1,
    replace: async () => {},
    isMeshLost: () => false,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    desired,
    identity,
    names,
    change,
    rename: (name: string) => change({ hostname: name }),
    breakDisk: (broken: boolean) => {
      isBroken = broken
    },
  }
}
