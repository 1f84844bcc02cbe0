import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Peer } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { aPeer } from '../testing/peer.ts'
import { emptyMesh, type MeshState } from './desired-state.ts'
import { createMeshJournal, type MeshJournal } from './mesh-journal.ts'

describe('the journal of the mesh', () => {
  it('has every change after a restart', async () => {
    await using place = await aPlace()
    const [one, two, three] = [aPeer('n_1'), aPeer('n_2'), aPeer('n_3')]
    const moved = { ...two, endpoint: '198.51.100.7:51820' }
    const last: MeshState = {
      peers: [one, moved],
      policies: [{ id: 'pol_1', rules: [] }],
      signing_keys: { current: one.public_key, previous: null },
      hostname: 'web-01',
      mesh_ranges: ['10.100.0.0/16', '10.101.0.0/16'],
      revision: '1-4',
      left_out: [{ list: 'data', key: 'deep', why: 'it is nested deeper than 64' }],
    }
    const journal = await place.open()
    await journal.save({ ...emptyMesh, peers: [one, two, three], revision: '1-1' })
    await journal.save({ ...emptyMesh, peers: [one, moved, three], revision: '1-2' })
    await journal.save({ ...emptyMesh, peers: [one, moved], revision: '1-3' })
    await journal.save(last)
    assert.deepEqual(await place.read(), { state: last, broken: false })
  })

  it('grows only by what changed', async () => {
    await using place = await aPlace()
    const journal = await place.open()
    const peers = manyPeers(1_000)
    await journal.save({ ...emptyMesh, peers, revision: '1-1' })
    const whole = await place.size()
    await journal.save({ ...emptyMesh, peers, revision: '1-1' })
    assert.equal(await place.size(), whole)
    await journal.save({ ...emptyMesh, peers, revision: '1-2' })
    assert.equal((await place.size()) - whole, '01234567 {"revision":"1-2"}\n'.length)
    await journal.save({
      ...emptyMesh,
      peers: peers.with(7, { ...aPeer('n_7'), psk: 'x' }),
      revision: '1-3',
    })
    assert.ok((await place.size()) - whole < 400)
  })

  it('is rewritten when most of it is outdated', async () => {
    await using place = await aPlace()
    const journal = await place.open()
    const peers = manyPeers(100)
    let state: MeshState = { ...emptyMesh, peers, revision: '1-0' }
    let largest = 0
    for (let n = 1; n <= 1_000; n++) {
      state = { ...state, peers: peers.with(n % 100, aPeer(`n_${n % 100}`)), revision: `1-${n}` }
      await journal.save(state)
      largest = Math.max(largest, await place.size())
    }
    const whole = JSON.stringify(state).length
    assert.ok(largest > whole + 60_000 && largest < 2 * whole + 70_000, `${largest} bytes`)
    assert.deepEqual(await place.read(), { state, broken: false })
  })

  it('is rewritten even if the daemon restarts again and again', async () => {
    await using place = await aPlace()
    const peers = manyPeers(100)
    let state: MeshState = { ...emptyMesh, peers, revision: '1-0' }
    await (await place.open()).save(state)
    let largest = 0
    for (let start = 1; start <= 20; start++) {
      const journal = await place.open()
      await journal.load()
      for (let n = 1; n <= 100; n++) {
        const peer = { ...aPeer(`n_${n % 100}`), endpoint: `192.0.2.${n}:${start}` }
        state = { ...state, peers: state.peers.with(n % 100, peer), revision: `${start}-${n}` }
        await journal.save(state)
      }
      largest = Math.max(largest, await place.size())
    }
    assert.ok(largest < 2 * JSON.stringify(state).length + 70_000, `${largest} bytes`)
    assert.deepEqual(await place.read(), { state, broken: false })
  })

  it('loses the change that a crash cut off, and nothing else', async () => {
    await using place = await aPlace()
    const state: MeshState = { ...emptyMesh, peers: [aPeer('n_1')], revision: '1-1' }
    await (await place.open()).save(state)
    await appendFile(place.path, (await readFile(place.path, 'utf8')).slice(0, -1))
    assert.deepEqual(await place.read(), { state, broken: false })
  })

  it('reports a damaged line, and is complete after the next save', async () => {
    await using place = await aPlace()
    const journal = await place.open()
    await journal.save({ ...emptyMesh, peers: [aPeer('n_1')], revision: '1-1' })
    const moved = { ...aPeer('n_1'), endpoint: '198.51.100.7:51820' }
    await journal.save({ ...emptyMesh, peers: [moved], revision: '1-2' })
    const text = await readFile(place.path, 'utf8')
    await writeFile(place.path, text.replace('198.51.100.7', '198.51.100.8'))
    const again = await place.open()
    const { state, broken } = await again.load()
    assert.deepEqual([state.peers, broken], [[aPeer('n_1')], true])
    await again.save({ ...state, revision: '1-3' })
    assert.deepEqual(await place.read(), { state: { ...state, revision: '1-3' }, broken: false })
  })
})

function manyPeers(count: number): Peer[] {
  return Array.from({ length: count }, (_, n) => aPeer(`n_${n}`))
}

interface Place extends AsyncDisposable {
  readonly path: string
  open(): Promise<MeshJournal>
  /** What somebody finds who opens it now. */
  read(): ReturnType<MeshJournal['load']>
  size(): Promise<number>
}

async function aPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-mesh-journal-'))
  const path = join(folder, 'mesh.journal')
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true }))
  async function open(): Promise<MeshJournal> {
    return stack.use(createMeshJournal(path, silentLog))
  }
  return {
    path,
    open,
    read: async () => (await open()).load(),
    size: async () => (await stat(path)).size,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
