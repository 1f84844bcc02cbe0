import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { imageRows } from '../../scripts/build/images/rows.ts'
import { missingPrograms } from '../../scripts/laboratory/requirements.ts'
import { root } from '../../scripts/programs/build.ts'
import { runProgram } from '../../scripts/programs/program.ts'
import { faultsOf } from './support/check-manifests.ts'
import {
  kubernetes,
  type Manifest,
  podOf,
  readManifests,
  renderManifests,
} from './support/manifests.ts'

const folders = ['control-plane', 'control-plane-pair', 'agent', 'agent-leave', 'agent-userspace']

describe('deploy/kubernetes', { skip: missingPrograms('kubectl') }, () => {
  it('is what the API of Kubernetes takes, without a field that it does not know', async () => {
    const manifests = await Promise.all(folders.map(renderManifests))
    assert.deepEqual(await faultsOf(manifests.flat()), [])
  })

  it('is what the guide applies, with settings in which nothing is wrong', async () => {
    const guide = await readFile(join(root, 'docs/guides/kubernetes.md'), 'utf8')
    const named = [...guide.matchAll(/deploy\/kubernetes\/([a-z-]+)`? /g)].map(([, name]) => name)
    const applied = [...guide.matchAll(/apply -k deploy\/kubernetes\/(\S+)/g)].map(
      ([, name]) => name,
    )
    assert.deepEqual([...new Set([...applied, ...named])], folders)
    await using secrets = await mkdtempDisposable(join(tmpdir(), 'plexd-test-'))
    await writeFile(join(secrets.path, 'database-password'), 'x', { mode: 0o440 })
    for (const folder of ['control-plane', 'control-plane-pair']) {
      const text = await readFile(join(kubernetes, folder, 'control-plane.yaml'), 'utf8')
      const settings = join(secrets.path, `${folder}.yaml`)
      await writeFile(settings, text.replaceAll('/etc/plexd-secrets', secrets.path))
      const { code, stdout, stderr } = await runProgram('control-plane', [
        'config',
        'check',
        settings,
      ])
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, /nothing is wrong/)
    }
  })

  it('has two control planes with the same rights as one, of which the budget lets one go at a time', async () => {
    const [one, pair] = [
      await renderManifests('control-plane'),
      await renderManifests('control-plane-pair'),
    ]
    const rightsOf = (manifests: readonly Manifest[]) => {
      const { securityContext, containers } = podOf(manifests, 'StatefulSet')
      return [securityContext, containers.map((each) => each.securityContext)]
    }
    assert.deepEqual(rightsOf(pair), rightsOf(one))
    const set = pair.find(({ kind }) => kind === 'StatefulSet')
    const budget = pair.find(({ kind }) => kind === 'PodDisruptionBudget')
    // One of the two is never ready: whoever counts on that waits for ever.
    assert.deepEqual(
      [set?.spec?.replicas, set?.spec?.podManagementPolicy, set?.spec?.updateStrategy],
      [2, 'Parallel', { type: 'OnDelete' }],
    )
    assert.equal(budget?.spec?.minAvailable, 0)
    assert.deepEqual(budget?.spec?.selector, set?.spec?.selector)
  })

  it('would be found to have a wrong value, or a field that there is none of', async () => {
    const faults = await faultsOf(
      readManifests(`
apiVersion: v1
kind: Service
metadata: { name: a }
spec: { ports: [{ port: 8443.5 }] }
---
apiVersion: v1
kind: Service
metadata: { name: b }
spec: { ports: [{ port: 8443, hostPrt: 1 }] }
`),
    )
    assert.match(faults.join('\n'), /^Service a: .*port must be integer.*\n.*"hostPrt"/)
  })

  it('runs the control plane as a user without rights, and the agent with those that it needs', async () => {
    const plane = podOf(await renderManifests('control-plane'), 'StatefulSet')
    const agent = podOf(await renderManifests('agent'), 'DaemonSet')
    const rights = [plane, agent].map(({ containers: [container] }) => container?.securityContext)
    const strict = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true }
    assert.deepEqual(rights, [
      { ...strict, capabilities: { drop: ['ALL'] } },
      {
        ...strict,
        runAsUser: 0,
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW', 'CHOWN'] },
      },
    ])
    for (const { automountServiceAccountToken, securityContext } of [plane, agent]) {
      assert.equal(automountServiceAccountToken, false)
      assert.deepEqual(securityContext?.seccompProfile, { type: 'RuntimeDefault' })
    }
    const { user } = imageRows.find(({ name }) => name === 'plexd-control-plane') ?? {}
    const { runAsNonRoot, runAsUser, fsGroup } = plane.securityContext ?? {}
    assert.deepEqual([runAsNonRoot, runAsUser, fsGroup], [true, user?.id, user?.id])
  })
})
