import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { holdDesired } from '../testing/desired.ts'
import { startFakeControlPlane } from '../testing/fake-control-plane.ts'
import { configFor, makeFolder } from '../testing/node.ts'
import { aPeer } from '../testing/peer.ts'
import { enrol } from './enrol.ts'
import { settleUsed } from './used-files.ts'

describe('enrol', () => {
  it('saves the identity for its owner alone, then removes the token file', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)

    const identity = await run(config)

    const saved = join(config.dataDir, 'identity.json')
    assert.deepEqual(JSON.parse(await readFile(saved, 'utf8')), identity)
    assert.equal((await stat(saved)).mode & 0o777, 0o600)
    assert.equal((await stat(config.dataDir)).mode & 0o777, 0o700)
    assert.equal(existsSync(config.tokenFile), false)
    assert.deepEqual(await readdir(config.dataDir), ['identity.json'])
  })

  for (const [policyDefault, known] of [
    ['deny', ['n_web']],
    ['allow', []],
  ] as const)
    it(`knows ${known.length} of the peers before their policies where the default is ${policyDefault}`, async () => {
      await using folder = await makeFolder()
      await using plane = await startFakeControlPlane()
      plane.change({ peers: [aPeer('n_web')] })
      const desired = holdDesired({ revision: '1-7' })

      await run(await configFor(plane, folder.path, { policyDefault }), { desired })

      const { peers, revision } = desired.current()
      assert.deepEqual(
        peers.map(({ id }) => id),
        known,
      )
      assert.equal(revision, known.length > 0 ? '' : '1-7')
    })

  it('sends what the machine is', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    await run(
      await configFor(plane, folder.path, { nodeMetadata: { rack: 'r7' }, hostname: 'web-01' }),
    )

    const [request] = plane.sent('/v1/register')
    assert.partialDeepStrictEqual(request?.body, {
      hostname: 'web-01',
      metadata: { os: 'linux', rack: 'r7' },
      capabilities: { binary: { version: '1.2.3' } },
    })
    assert.match(String(request?.headers['user-agent']), /^plexd\/\d/)
  })

  it('registers with the same key after a lost answer, and is the same node', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    plane.override = ({ line }) =>
      line === 'POST /v1/register' ? { status: 0, hangUp: true } : undefined
    await assert.rejects(run(config, { giveUpAfterMs: 0 }))
    assert.equal(existsSync(config.tokenFile), true)
    plane.override = () => undefined

    const identity = await run(config)

    const keys = plane.sent('/v1/register').map(({ body }) => Object(body).public_key)
    assert.equal(keys.length, 2)
    assert.equal(keys[0], keys[1])
    assert.equal(identity.node_id, 'n_test')
  })

  it('makes a new key when the saved one is damaged', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    await mkdir(config.dataDir, { recursive: true })
    await writeFile(join(config.dataDir, 'registration-key'), 'torn', { mode: 0o600 })

    assert.equal((await run(config)).node_id, 'n_test')
  })

  it('leaves credentials of systemd where they are, without a word', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    const warn = (message: string): void => assert.fail(message)

    await run({ ...config, credentialsDir: folder.path }, { log: { ...silentLog, warn } })

    assert.equal(existsSync(config.tokenFile), true)
  })

  it('that was cut off before the files went is ended at the next start; later files are kept, and named', async () => {
    await using folder = await makeFolder()
    const dataDir = folder.path
    const [tokenFile, joinFile] = [join(dataDir, 'token'), join(dataDir, 'join')]
    const draft = join(dataDir, 'registration-key')
    const warnings: unknown[] = []
    const log = { ...silentLog, warn: (...all: unknown[]) => void warnings.push(all) }
    const settle = () =>
      settleUsed({ dataDir, tokenFile, joinFile, credentialsDir: undefined }, log)
    for (const path of [joinFile, draft]) await writeFile(path, 'secret', { mode: 0o600 })

    await settle()
    assert.deepEqual(await readdir(dataDir), [])
    assert.deepEqual(warnings, [])

    await writeFile(joinFile, 'secret', { mode: 0o600 })
    await settle()
    assert.deepEqual(await readdir(dataDir), ['join'])
    assert.deepEqual(warnings, [
      [
        'file with a token is not used, as this machine is enrolled already: remove it',
        { file: joinFile },
      ],
    ])
  })

  it('names what the token file was a link to', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const config = await configFor(plane, folder.path)
    const target = join(folder.path, 'elsewhere')
    await rename(config.tokenFile, target)
    await symlink(target, config.tokenFile)
    const warnings: unknown[] = []

    await run(config, { log: { ...silentLog, warn: (...all) => void warnings.push(all) } })

    assert.equal(existsSync(config.tokenFile), false)
    assert.deepEqual(warnings, [
      ['file with the token was a link, remove what it led to by hand', { file: target }],
    ])
  })

  it('warns when the token file cannot be removed', async () => {
    await using folder = await makeFolder()
    await using plane = await startFakeControlPlane()
    const tokenFile = join(folder.path, 'a-folder')
    await mkdir(tokenFile)
    const config = await configFor(plane, folder.path)
    const warnings: string[] = []

    await run(
      { ...config, tokenFile, tokenValue: 'plx_enroll_test' },
      { log: { ...silentLog, warn: (message) => warnings.push(message) } },
    )

    assert.deepEqual(warnings, ['file with the token cannot be removed, remove it by hand'])
  })
})

function run(config: AgentConfig, options: Partial<Parameters<typeof enrol>[0]> = {}) {
  return enrol({
    config,
    capabilities: { binary: { version: '1.2.3' } },
    env: {},
    desired: holdDesired({}),
    clock: systemClock,
    log: silentLog,
    ...options,
  })
}
