import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseCidr } from '@plexd/protocol'
import { allowMarkedReturn, restoreMarkedReturn } from './reverse-path.ts'

const ranges = ['10.200.0.0/16', '10.100.0.0/16'].map(parseCidr)
const inside = [{ id: 'n_db', mesh_ip: '10.100.0.2', endpoint: '10.100.7.2:51820' }]
const outside = [
  { id: 'n_db', mesh_ip: '10.100.0.2', endpoint: '203.0.113.7:51820' },
  { id: 'n_web', mesh_ip: '10.100.0.3', endpoint: '[2001:db8::1]:51820' },
  { id: 'n_lost', mesh_ip: '10.100.0.4', endpoint: '' },
]

describe('allowMarkedReturn', () => {
  it('makes strict reverse-path filtering respect marks if a peer endpoint is in the mesh range', async () => {
    await using kernel = await setUp({ all: 0, eth0: 1 })
    assert.deepEqual(await allowMarkedReturn(inside, ranges, kernel), [])
    assert.equal(await kernel.heedsMarks(), '1')
  })

  for (const [what, peers, filters] of [
    ['no peer stands in the range', outside, { all: 1, eth0: 1 }],
    ['the kernel is not strict', inside, { all: 0, eth0: 0, lo: 1, default: 1 }],
    ['loose is the stronger', inside, { all: 2, eth0: 1 }],
  ] as const)
    it(`changes nothing where ${what}`, async () => {
      await using kernel = await setUp(filters)
      assert.deepEqual(await allowMarkedReturn(peers, ranges, kernel), [])
      assert.equal(await kernel.heedsMarks(), '0')
    })

  it('says what to type if it lacks the permission', async () => {
    await using kernel = await setUp({ all: 1, eth0: 0 })
    await rm(kernel.setting)
    await mkdir(kernel.setting)
    const [text = ''] = await allowMarkedReturn(inside, ranges, kernel)
    assert.match(
      text,
      /n_db sends from 10\.100\.7\.2.*sysctl -w net\.ipv4\.conf\.all\.src_valid_mark=1/,
    )
  })
})

describe('restoreMarkedReturn', () => {
  it('restores the previous setting once', async () => {
    await using kernel = await setUp({ all: 1 })
    await allowMarkedReturn(inside, ranges, kernel)
    await allowMarkedReturn(inside, ranges, kernel)
    await restoreMarkedReturn(kernel)
    assert.equal(await kernel.heedsMarks(), '0')
    await writeFile(kernel.setting, '1')
    await restoreMarkedReturn(kernel)
    assert.equal(await kernel.heedsMarks(), '1')
  })

  it('does not touch what another program has set, before or since', async () => {
    await using kernel = await setUp({ all: 1 })
    await writeFile(kernel.setting, '1')
    await allowMarkedReturn(inside, ranges, kernel)
    await restoreMarkedReturn(kernel)
    assert.equal(await kernel.heedsMarks(), '1')

    await writeFile(kernel.setting, '0')
    await allowMarkedReturn(inside, ranges, kernel)
    await writeFile(kernel.setting, '2')
    await restoreMarkedReturn(kernel)
    assert.equal(await kernel.heedsMarks(), '2')
  })
})

async function setUp(filters: Readonly<Record<string, number>>) {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-test-'))
  const conf = join(folder, 'conf')
  for (const [name, filter] of Object.entries(filters)) {
    await mkdir(join(conf, name), { recursive: true })
    await writeFile(join(conf, name, 'rp_filter'), `${filter}\n`)
  }
  const setting = join(conf, 'all', 'src_valid_mark')
  await writeFile(setting, '0')
  return {
    conf,
    runDir: join(folder, 'run'),
    setting,
    heedsMarks: () => readFile(setting, 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
