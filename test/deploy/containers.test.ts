import assert from 'node:assert/strict'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { architectures, ownArchitecture } from '../../scripts/build/architecture.ts'
import { imageRows } from '../../scripts/build/images/rows.ts'
import { makeImages } from '../../scripts/build/images.ts'
import { buildSingleFile } from '../../scripts/build/single-file.ts'
import { createLab } from '../../scripts/laboratory/lab.ts'
import { untilPing } from '../../scripts/laboratory/probes.ts'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { root } from '../../scripts/programs/build.ts'
import { type Container, type UnpackedImage, unpackImage } from './support/container.ts'
import { podOf, renderManifests } from './support/manifests.ts'
import { missingLibraries } from './support/missing-libraries.ts'
import { runAgentPod, startAgentPod, startControlPlanePod } from './support/pods.ts'

/** By runc: user, rights, mounts and probes are read from the manifests. */
it('images run with the rights that the manifests give them, and make a mesh', async (t) => {
  if (process.env.PLEXD_CONTAINERS !== 'all') return void t.skip('it takes minutes: --all')
  const why = labSkip('runc', 'umoci', 'apt-get', 'kubectl', 'readelf')
  if (why) return void t.skip(why)
  await using lab = await createLab()
  const images = await buildImages(lab.folder)
  const { binutils } = architectures[ownArchitecture()]
  for (const { bundle } of Object.values(images))
    assert.deepEqual(await missingLibraries(join(bundle, 'rootfs'), binutils), [])
  const control = await lab.host('control')
  await using plane = await startControlPlanePod(lab, images['plexd-control-plane'], control)

  const hosts = { 'web-01': await lab.host('web'), 'db.example.internal': await lab.host('db') }
  type Name = keyof typeof hosts
  const pod = podOf(await renderManifests('agent-userspace'), 'DaemonSet')
  const image = images.plexd
  const secret = {
    'web-01': await joinString(plane, 'web-01'),
    'db.example.internal': await joinString(plane, 'db.example.internal'),
  }
  const start = (name: Name, given: Record<string, string> = secret): Promise<Container> =>
    startAgentPod(lab, { pod, image, name, host: hosts[name], secret: given })
  await using web = await start('web-01')
  await using db = await start('db.example.internal')
  await untilMesh(web)
  const { mesh_ip: dbIp } = await untilMesh(db)
  await untilPing(hosts['web-01'], dbIp)
  assert.deepEqual((await statusOf(web)).problems, [])
  const socket = await stat(join(lab.folder, 'agent-web-01/run/api.sock'))
  assert.deepEqual([socket.gid, socket.mode & 0o777], [imageRows[0]?.groups.plexd, 0o660])
  assert.equal((await plane.exec('plexd-control-plane', 'ready')).stdout, 'ready\n')

  await t.test('nobody stays a zombie, and the first process passes SIGTERM on', async () => {
    const list = 'for p in /proc/[0-9]*; do read -r line <$p/stat && echo "$line"; done'
    const { stdout } = await web.exec('sh', '-c', list)
    assert.match(stdout, /^1 \(tini\) /m)
    assert.match(stdout, / \(nft\) S /)
    assert.doesNotMatch(stdout, /\) Z /)
    assert.equal(await web.stop(), 0, await web.log())
  })

  await t.test('a node that is registered starts without its join string', async () => {
    await using again = await start('web-01', {})
    await untilMesh(again)
    await untilPing(hosts['web-01'], dbIp)
    assert.equal(await again.stop(), 0, await again.log())
  })

  await t.test('a node leaves nothing on its host', async () => {
    assert.equal(await db.stop(), 0, await db.log())
    const host = hosts['db.example.internal']
    const leaving = podOf(await renderManifests('agent-leave'), 'DaemonSet')
    const place = { pod: leaving, image, name: 'db.example.internal', host, secret: {} }
    await using last = await runAgentPod(lab, place)
    assert.equal(await last.ended(), 0, await last.log())
    assert.doesNotMatch(
      (await host.exec(['ip', 'link'])) + (await host.exec(['nft', 'list', 'tables'])),
      /plexd/,
    )
    assert.doesNotMatch(await plexctl(plane, 'node', 'list'), /db\.example\.internal/)
  })

  await t.test('the control plane ends in order, and knows afterwards what it knew', async () => {
    assert.equal(await plane.stop(), 0, await plane.log())
    await using again = await startControlPlanePod(lab, images['plexd-control-plane'], control)
    assert.match(await plexctl(again, 'node', 'list'), /^web-01 /m)
  })
})

async function buildImages(folder: string) {
  const options = { version: '1.0.0', releaseKeys: [] }
  const programs = {
    plexd: (await buildSingleFile('plexd', options)).file,
    plexctl: (await buildSingleFile('plexctl', options)).file,
    'control-plane': (await buildSingleFile('control-plane', options)).file,
  }
  const out = join(folder, 'images')
  await mkdir(out)
  const parts = { version: '1.0.0', arch: ownArchitecture(), licences: '', epochSeconds: 0 }
  const files = await makeImages({ ...parts, programs, out })
  const unpacked: [string, UnpackedImage][] = []
  for (const [at, row] of imageRows.entries())
    unpacked.push([row.name, await unpackImage(row, join(out, files[at] ?? ''), folder)])
  return Object.fromEntries(unpacked) as Record<(typeof imageRows)[number]['name'], UnpackedImage> // one of each row
}

/** As the guide has it: by plexctl in the pod of the control plane. */
async function plexctl(plane: Container, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.exec('plexctl', ...args)
  assert.equal(code, 0, stderr)
  return stdout
}

async function joinString(plane: Container, name: string): Promise<string> {
  const guide = await readFile(join(root, 'docs/guides/kubernetes.md'), 'utf8')
  const [, words = ''] = /-- plexctl (token create .*) "\$node" >/.exec(guide) ?? []
  return plexctl(plane, ...words.split(' '), name)
}

async function statusOf(agent: Container) {
  const { stdout, stderr } = await agent.exec('plexd', 'status', '--json')
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout)
}

async function untilMesh(agent: Container) {
  const look = async () => {
    const status = await statusOf(agent)
    return status.mesh.backend !== 'none' && status
  }
  return until('a mesh interface', look, 60_000, 200).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${(await agent.log()).slice(-4_000)}`)
  })
}
