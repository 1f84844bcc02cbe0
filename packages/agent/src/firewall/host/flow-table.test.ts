import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readFlowTable, roomFault } from './flow-table.ts'

describe('readFlowTable', () => {
  it('reads how many flows there are and may be, and nothing where none are tracked', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plexd-flows-'))
    assert.equal(await readFlowTable(folder), undefined)
    await writeFile(join(folder, 'nf_conntrack_count'), '17\n')
    await writeFile(join(folder, 'nf_conntrack_max'), '262144\n')
    assert.deepEqual(await readFlowTable(folder), { flows: 17, limit: 262_144 })
    await rm(folder, { recursive: true })
  })
})

describe('roomFault', () => {
  it('finds nothing wrong while there is room', () => {
    assert.equal(roomFault({ flows: 899, limit: 1_000 }), undefined)
  })

  it('warns when there is little left, and says what a full table means', () => {
    assert.equal(roomFault({ flows: 900, limit: 1_000 })?.isFull, false)
    assert.deepEqual(roomFault({ flows: 1_000, limit: 1_000 }), {
      isFull: true,
      detail:
        'the kernel tracks 1000 of at most 1000 flows: what begins a new one is dropped, in the mesh and beside it',
      remedy: 'sysctl -w net.netfilter.nf_conntrack_max=2000',
    })
  })
})
