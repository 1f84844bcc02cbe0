import assert from 'node:assert/strict'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { aPeer } from '../testing/peer.ts'
import type { DataEntry } from './data-entry.ts'
import { type DesiredState, type DesiredStore, emptyDesiredState } from './desired-state.ts'
import { openDesiredStore } from './desired-store.ts'

describe('openDesiredStore', () => {
  it('starts empty, without a revision, at index 1', async () => {
    await using place = await aPlace()
    const store = await place.open()
    assert.deepEqual(store.current(), emptyDesiredState)
    assert.equal(store.index(), 1)
  })

  it('has the replaced state after a restart', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    assert.deepEqual((await place.open()).current(), full)
  })

  it('makes files and folders private to its user', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    const modes = async (...path: string[]): Promise<number> =>
      (await stat(join(place.state, ...path))).mode & 0o777
    assert.equal(await modes(), 0o700)
    assert.equal(await modes('data'), 0o700)
    assert.equal(await modes('mesh.journal'), 0o600)
    assert.equal(await modes('data', 'routes.json.json'), 0o600)
  })

  it('writes the entry of a hostile key inside its folder', async () => {
    await using place = await aPlace()
    const hostile = anEntry({ key: '../../identity' })
    await (await place.open()).replace({ ...full, data: [hostile] })
    assert.deepEqual(await readdir(join(place.state, 'data')), ['..%2F..%2Fidentity.json'])
    assert.deepEqual((await place.open()).current().data, [hostile])
  })

  it('removes the file of an entry that is gone', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await store.replace(full)
    await store.replace({ ...full, data: [] })
    assert.deepEqual(await readdir(join(place.state, 'data')), [])
  })

  it('leaves the files alone whose content did not change', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await store.replace(full)
    const long = new Date(0)
    const files = ['metadata.json', 'secrets.json', 'data/routes.json.json', 'mesh.journal']
    for (const file of files) await utimes(join(place.state, file), long, long)
    await store.replace(structuredClone({ ...full, metadata: { region: 'eu' } }))
    const written: string[] = []
    for (const file of files)
      if ((await stat(join(place.state, file))).mtimeMs > 0) written.push(file)
    assert.deepEqual(written, ['metadata.json'])
  })
})

describe('a damaged state folder', () => {
  it('loses only the broken entry, and the revision', async () => {
    await using place = await aPlace()
    await (await place.open()).replace({ ...full, data: [anEntry(), anEntry({ key: 'other' })] })
    await writeFile(join(place.state, 'data', 'other.json'), '{"key":"oth')
    const store = await place.open()
    assert.deepEqual(store.current(), { ...full, data: [anEntry()], revision: '' })
    assert.deepEqual(place.warnings, ['state file cannot be read, its content is pulled again'])
  })

  it('loses a part of the wrong shape, and the revision', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    await writeFile(join(place.state, 'metadata.json'), '{"region":1}')
    assert.deepEqual((await place.open()).current(), { ...full, metadata: {}, revision: '' })
  })

  it('loses peers and policies if their file is broken', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    await writeFile(join(place.state, 'mesh.journal'), 'x')
    const store = await place.open()
    const { peers, revision, metadata } = store.current()
    assert.deepEqual(
      { peers, revision, metadata, isLost: store.isMeshLost() },
      { peers: [], revision: '', metadata: full.metadata, isLost: true },
    )
  })

  it('counts the mesh as lost, across restarts, until a full state has been pulled', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    assert.equal((await place.open()).isMeshLost(), false)
    await writeFile(join(place.state, 'mesh.journal'), 'x\n')
    const store = await place.open()
    assert.equal(store.isMeshLost(), true)
    await store.replace({ ...store.current(), peers: [db] }) // as an event does
    assert.equal(store.isMeshLost(), true)
    const again = await place.open()
    assert.equal(again.isMeshLost(), true)
    await again.replace(full, { whole: true })
    assert.equal(again.isMeshLost(), false)
    const last = await place.open()
    assert.deepEqual([last.isMeshLost(), last.current()], [false, full])
  })

  it('does not take an entry from the file of another key', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    await writeFile(join(place.state, 'data', 'x.json'), JSON.stringify(anEntry({ key: 'y' })))
    const store = await place.open()
    assert.deepEqual(store.current(), { ...full, revision: '' })
    await store.replace(full)
    assert.deepEqual(await readdir(join(place.state, 'data')), ['routes.json.json'])
  })

  it('is whole again after the next replace', async () => {
    await using place = await aPlace()
    await (await place.open()).replace(full)
    await writeFile(join(place.state, 'data', 'routes.json.json'), 'x')
    await writeFile(join(place.state, 'data', 'gone.json'), 'x')
    await writeFile(join(place.state, '.tmp-left'), 'x')
    await (await place.open()).replace(full)
    place.warnings.length = 0
    assert.deepEqual((await place.open()).current(), full)
    assert.deepEqual(place.warnings, [])
    assert.ok(!(await readdir(place.state)).includes('.tmp-left'))
  })

  it('opens even when a folder is in the place of a file', async () => {
    await using place = await aPlace()
    await mkdir(join(place.state, 'mesh.journal'), { recursive: true })
    assert.deepEqual((await place.open()).current(), emptyDesiredState)
  })
})

describe('replace', () => {
  it('is seen at once, before the disk has it', async () => {
    await using place = await aPlace()
    const store = await place.open()
    const saved = store.replace(full)
    assert.equal(store.current().revision, full.revision)
    await saved
  })

  it('counts only changes of metadata, data and secret refs', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await store.replace(full)
    assert.equal(store.index(), 2)
    await store.replace(structuredClone({ ...full, peers: [], revision: '1-9' }))
    assert.equal(store.index(), 2)
    await store.replace({ ...store.current(), secret_refs: [{ key: 'tls-cert', version: 3 }] })
    assert.equal(store.index(), 3)
  })

  it('keeps the identity of what did not change', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await store.replace(full)
    const { peers, data } = store.current()
    await store.replace(structuredClone({ ...full, data: [...full.data, anEntry({ key: 'new' })] }))
    assert.equal(store.current().peers, peers)
    assert.equal(store.current().data[0], data[0])
  })

  it('tells listeners what it was and what it is, until they stop', async () => {
    await using place = await aPlace()
    const store = await place.open()
    const seen: string[] = []
    const stop = store.onChange((now, before) => seen.push(`${before.revision}>${now.revision}`))
    await store.replace(full)
    await store.replace(structuredClone(full))
    stop()
    await store.replace(emptyDesiredState)
    assert.deepEqual(seen, ['>1-7'])
  })

  it('writes the last of many calls to disk in the end', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => store.replace({ ...full, revision: `1-${n}` })),
    )
    assert.equal((await place.open()).current().revision, '1-49')
  })

  it('rejects if the disk refuses, and writes the state later', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await rm(join(place.state, 'data'), { recursive: true })
    await writeFile(join(place.state, 'data'), 'in the way')
    await assert.rejects(store.replace(full))
    assert.deepEqual(store.current(), full)
    await rm(join(place.state, 'data'))
    await store.replace({ ...full, data: [] })
    assert.deepEqual((await place.open()).current(), { ...full, data: [] })
  })

  it('writes the revision last', async () => {
    await using place = await aPlace()
    const store = await place.open()
    await store.replace(full)
    await rm(join(place.state, 'secrets.json'))
    await mkdir(join(place.state, 'secrets.json'))
    await chmod(join(place.state, 'secrets.json'), 0o700)
    const next = { ...full, metadata: { a: 'b' }, secret_refs: [], revision: '1-8' }
    await assert.rejects(store.replace(next))
    const mesh = await readFile(join(place.state, 'mesh.journal'), 'utf8')
    assert.match(mesh, /"revision":"1-7"/)
    assert.doesNotMatch(mesh, /1-8/)
  })
})

const db = aPeer('n_db')

function anEntry(parts: Partial<DataEntry> = {}): DataEntry {
  return {
    key: 'routes.json',
    content_type: 'application/json',
    payload: '{"default_backend":"10.0.0.5:8080"}',
    version: 1,
    updated_at: '2025-06-01T12:34:56Z',
    ...parts,
  }
}

const full: DesiredState = {
  peers: [db],
  policies: [],
  signing_keys: { current: db.public_key, previous: null },
  hostname: 'web-01',
  mesh_ranges: ['10.100.0.0/16', '10.101.0.0/16'],
  metadata: { region: 'us-west-2' },
  data: [anEntry()],
  secret_refs: [{ key: 'tls-cert', version: 2 }],
  left_out: [],
  revision: '1-7',
}

async function aPlace(): Promise<
  AsyncDisposable & { state: string; warnings: string[]; open(): Promise<DesiredStore> }
> {
  const dataDir = await mkdtemp(join(tmpdir(), 'plexd-desired-'))
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) }
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  return {
    state: join(dataDir, 'state'),
    warnings,
    open: async () => stack.use(await openDesiredStore({ dataDir, log })),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
