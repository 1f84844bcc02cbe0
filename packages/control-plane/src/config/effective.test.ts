import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveConfig } from './config.ts'
import { effectiveSettings } from './effective.ts'
import { reloadConfig } from './reload.ts'

const shown = (sources: Partial<Parameters<typeof resolveConfig>[0]>) => {
  const config = resolveConfig({ flags: {}, env: {}, file: {}, ...sources })
  const views = effectiveSettings(config, ['listen'])
  return (name: string) => {
    const found = views.find((view) => view.name === name)
    assert.ok(found, name)
    return [found.value, found.source]
  }
}

describe('the settings in force', () => {
  it('are told as one would write them, each with where it is from', () => {
    const of = shown({
      flags: { listen: '[::1]:8443', limit: ['wrong_tokens=7'] },
      env: { heartbeat_interval: '10s', listen: 'ignored:1' },
      file: {
        backup_folder: '/b',
        backup_unencrypted: true,
        backup_every: '30 3 * * *',
        tls_cert: '/a',
        public_url: 'https://user:canary-password@cp.example.com',
      },
      credentials: { tls_cert: '/run/credentials/tls.crt', tls_key: '/run/credentials/tls.key' },
    })
    assert.deepEqual(of('listen'), ['[::1]:8443', 'option'])
    assert.deepEqual(of('heartbeat_interval'), ['10s', 'environment'])
    assert.deepEqual(of('backup_every'), ['30 3 * * *', 'config file'])
    assert.deepEqual(of('tls_cert'), ['/a', 'config file'])
    assert.deepEqual(of('tls_key'), ['/run/credentials/tls.key', 'systemd credential'])
    assert.deepEqual(of('key_max_age'), ['4320h0m0s', 'default'])
    assert.deepEqual(of('metrics_listen'), [null, 'default'])
    assert.deepEqual(of('limits.wrong_tokens'), ['7', 'option'])
    assert.deepEqual(of('limits.policies'), ['1000', 'default'])
    assert.doesNotMatch(String(of('public_url')[0]), /canary/)
  })

  it('have after a reload the origins of what was taken over', () => {
    const configOf = (env: object, file: object) =>
      resolveConfig({ flags: {}, env: { ...env }, file: { ...file } })
    const { config, needsRestart } = reloadConfig(
      configOf({}, {}),
      configOf({ log_level: 'debug', mesh_cidr: '10.9.0.0/16' }, { backup_keep: '3' }),
    )
    const { log_level, mesh_cidr, backup_keep } = config.origins
    assert.deepEqual([log_level, mesh_cidr, backup_keep], ['environment', 'default', 'config file'])
    assert.deepEqual(needsRestart, ['mesh_cidr'])
  })

  it('say of each limit whether it waits for a restart', () => {
    const configOf = (limits: object) => resolveConfig({ flags: {}, env: {}, file: { limits } })
    const { config, needsRestart } = reloadConfig(configOf({}), configOf({ policies: 7 }))
    const waiting = effectiveSettings(config, needsRestart).filter((one) => one.waits_for_restart)
    assert.deepEqual(
      waiting.map(({ name }) => name),
      ['limits.policies'],
    )
  })
})
