import assert from 'node:assert/strict'
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Announcement, signAnnouncement } from '@plexd/protocol'
import { fingerprintOf, silentLog } from '@plexd/runtime'
import { authority, otherAuthority, serverCertificate } from '@plexd/runtime/testing'
import { pinnedCaFile } from '../config/remembered.ts'
import { createProblems } from '../health/problems.ts'
import { makeFolder } from '../testing/node.ts'
import { createTestSigner } from '../testing/signer.ts'
import { openInstallation } from './installation.ts'

const first: Announcement = { sequence: 5, urls: [], authorities: [authority, otherAuthority] }

describe('what the control plane says of itself', () => {
  it('is in force once it is signed by a key that was known before, and after a restart', async () => {
    await using node = await aNode()
    await node.receive(first)
    const both = [authority, otherAuthority].map(fingerprintOf)
    assert.deepEqual(node.installation.heeded(), {
      url: 'https://cp',
      announcement: 5,
      authorities: both,
      problem: '',
    })
    assert.equal(await node.trusted(), authority + otherAuthority)
    assert.equal(node.reloads, 1)

    await node.receive({ ...first, sequence: 6, authorities: [otherAuthority] })
    assert.equal(await node.trusted(), otherAuthority)
    // As when the disk was full, or somebody has put the old file back.
    await writeFile(node.caFile, authority)
    await node.open()
    assert.equal(await node.trusted(), otherAuthority)
    assert.equal(node.installation.heeded()?.announcement, 6)
  })

  it('is not, when it is signed by nobody known: TLS alone vouches for nothing', async () => {
    await using node = await aNode()
    const stranger = await createTestSigner()
    const signed = await signAnnouncement(first, stranger.privateKey)
    await node.installation.received(signed, [node.signer.keys.current])
    assert.equal(node.installation.heeded(), undefined)
    assert.match(
      node.problems.of('announcement'),
      /not heeded: .*none of the known keys has signed/,
    )
    assert.equal(await node.trusted(), authority)
    // Its key has come by an event meanwhile.
    await node.installation.look([stranger.keys.current])
    assert.equal(node.installation.heeded()?.announcement, 5)
    assert.equal(node.problems.of('announcement'), '')
  })

  const hostile: [string, unknown][] = [
    ['an older one', { ...first, sequence: 4, authorities: [authority] }],
    ['another one of the same number', { ...first, authorities: [authority] }],
    ['an address by plain HTTP', { ...first, sequence: 9, urls: ['http://cp'] }],
    ['an empty address', { ...first, sequence: 9, urls: [''] }],
    ['an authority that is none', { ...first, sequence: 9, authorities: [serverCertificate] }],
    ['no certificate', { ...first, sequence: 9, authorities: ['PEM'] }],
    ['10 MB', { ...first, sequence: 9, authorities: ['x'.repeat(10_000_000)] }],
    ['something else', [1, 2, 3]],
  ]
  for (const [what, announcement] of hostile)
    it(`changes nothing with ${what}, though it is signed`, async () => {
      await using node = await aNode()
      await node.receive(first)
      await node.receive(announcement as Announcement)
      assert.equal(node.installation.heeded()?.announcement, 5)
      assert.equal(await node.trusted(), authority + otherAuthority)
    })

  it('is put in force when it comes again, if only its storing had gone well', async () => {
    await using node = await aNode()
    await rm(node.caFile)
    await mkdir(node.caFile)
    await node.receive(first)
    assert.match(node.problems.of('announcement'), /not heeded/)
    await rmdir(node.caFile)
    await node.receive(first)
    assert.equal(await node.trusted(), authority + otherAuthority)
    assert.equal(node.installation.heeded()?.announcement, 5)
    assert.equal(node.problems.of('announcement'), '')
  })

  it('does not touch a file that the settings name, and says what is missing there', async () => {
    await using node = await aNode({ own: true })
    await node.receive(first)
    assert.equal(await node.trusted(), authority)
    const { authorities, problem } = node.installation.heeded() ?? assert.fail('it is heeded')
    assert.deepEqual(authorities, [fingerprintOf(authority)])
    assert.match(
      problem,
      /own\.crt", which the settings name, does not have it: add its certificate/,
    )
    await writeFile(node.caFile, authority + otherAuthority)
    await node.installation.refresh()
    assert.equal(node.installation.heeded()?.problem, '')
    assert.equal(node.problems.of('authority'), '')
  })

  it('says where the settings name another address than the one announced', async () => {
    await using node = await aNode({ chosen: true })
    await node.receive({ ...first, urls: ['https://new.example.com'] })
    const said =
      'the settings name the address "https://cp", and the control plane says it will be at "https://new.example.com": change "api" there when it has moved, or leave it out'
    assert.equal(node.problems.of('address'), said)
    assert.equal(node.installation.heeded()?.problem, said)
    await node.receive({ ...first, sequence: 8, urls: [] })
    assert.equal(node.problems.of('address'), '')
  })
})

/** A node that trusts the first authority. */
async function aNode({ own = false, chosen = false } = {}) {
  const folder = await makeFolder()
  const { path: dataDir } = folder
  const signer = await createTestSigner()
  const problems = createProblems()
  const caFile = own ? join(dataDir, 'own.crt') : pinnedCaFile(dataDir)
  await writeFile(caFile, authority)
  const config = { apiUrl: 'https://cp', apiUrlChosen: chosen, caFile, dataDir }
  const open = () =>
    openInstallation({ config, problems, reloadCa: () => node.reloads++, log: silentLog })
  const node = {
    signer,
    problems,
    caFile,
    reloads: 0,
    installation: await open(),
    async open() {
      node.installation = await open()
    },
    async receive(announcement: Announcement) {
      const signed = await signAnnouncement(announcement, signer.privateKey)
      await node.installation.received(signed, [signer.keys.current])
    },
    trusted: () => readFile(caFile, 'utf8'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
  return node
}
