import assert from 'node:assert/strict'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { makeFolder } from '../testing/node.ts'
import type { Settings } from './agent-config.ts'
import { loadConfig } from './load-config.ts'
import { urlsOf } from './places.ts'
import { rememberAddress, rememberSettings } from './remembered.ts'

describe('what enrolled a node', () => {
  it('is in force again when nobody says anything, its authority by a copy', async () => {
    await using place = await aPlace()
    await place.enrol({
      apiUrl: 'https://cp.example.com:8443',
      caFile: place.ca,
      meshEnabled: false,
    })
    await rm(place.ca)
    const config = await place.load({})
    assert.equal(config.apiUrl, 'https://cp.example.com:8443')
    assert.equal(await readFile(config.caFile ?? '', 'utf8'), 'an authority')
    assert.equal(config.meshEnabled, false)
    assert.equal((await stat(join(place.dataDir, 'settings.json'))).mode & 0o777, 0o600)
  })

  it('is in force again with all addresses, and a version that knows but one has the first', async () => {
    await using place = await aPlace()
    await place.enrol({ apiUrl: 'https://one, https://two' })
    const text = await readFile(join(place.dataDir, 'settings.json'), 'utf8')
    assert.partialDeepStrictEqual(JSON.parse(text), { api: 'https://one', others: ['https://two'] })
    assert.equal(urlsOf(await place.load({})), 'https://one,https://two')
    await rememberAddress(place.dataDir, 'https://new')
    assert.equal(urlsOf(await place.load({})), 'https://new')
  })

  it('gives way to flags, environment and file, and goes on where they are silent', async () => {
    await using place = await aPlace()
    await place.enrol({ apiUrl: 'https://one', socketPath: '/run/one.sock', mode: 'bridge' })
    assert.equal((await place.load({}, 'api: https://two')).apiUrl, 'https://two')
    assert.equal((await place.load({}, '', { PLEXD_API: 'https://three' })).apiUrl, 'https://three')
    const config = await place.load({ socketPath: '/run/two.sock' })
    assert.deepEqual(
      [config.apiUrl, config.socketPath, config.mode],
      ['https://one', '/run/two.sock', 'bridge'],
    )
    await rememberSettings(config, { meshEnabled: true })
    assert.equal((await place.load({})).socketPath, '/run/one.sock')
  })

  it('trusts no other control plane by the authority of the one that it was', async () => {
    await using place = await aPlace()
    await place.enrol({ apiUrl: 'https://one', caFile: place.ca })
    assert.equal((await place.load({ apiUrl: 'https://two' })).caFile, undefined)
    await place.enrol({ apiUrl: 'http://127.0.0.1:1', insecureHttp: true })
    assert.equal((await place.load({})).insecureHttp, true)
    await assert.rejects(place.load({ apiUrl: 'http://127.0.0.1:2' }), /insecure/)
  })

  it('is ignored, with a warning, when the file was damaged', async () => {
    await using place = await aPlace()
    await writeFile(join(place.dataDir, 'settings.json'), '{')
    assert.equal((await place.load({})).apiUrl, '')
    assert.deepEqual(place.warnings, ['remembered settings cannot be read, ignored'])
  })

  it('is written anew when the file was damaged: nobody would be enrolled else', async () => {
    await using place = await aPlace()
    await writeFile(join(place.dataDir, 'settings.json'), '{"api":1}')
    await place.enrol({ apiUrl: 'https://one' })
    assert.equal((await place.load({})).apiUrl, 'https://one')
  })
})

async function aPlace() {
  const folder = await makeFolder()
  const { path: dataDir } = folder
  const ca = join(dataDir, 'given.crt')
  await writeFile(ca, 'an authority')
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) }
  async function load(flags: Settings, text = '', env: NodeJS.ProcessEnv = {}) {
    const file = join(dataDir, 'config.yaml')
    await writeFile(file, text)
    return loadConfig({ flags: { dataDir, ...flags }, file, env, log })
  }
  return {
    dataDir,
    ca,
    warnings,
    load,
    enrol: async (flags: Settings) => rememberSettings(await load(flags), flags),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
