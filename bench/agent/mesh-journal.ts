import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMeshJournal, emptyDesiredState } from '@plexd/agent'
import { silentLog, writeFileAtomic } from '@plexd/runtime'
import type { Bench } from '../bench.ts'
import { quantiles } from '../quantiles.ts'
import { addGain, medianOf } from '../scenarios/figures.ts'
import { makePeers, peerCountOf, timeOf } from './mesh-device.ts'

/** An event about one peer onto the disk: as a line of the journal, and by writing the whole file anew. */
export const meshJournal: Bench = {
  name: 'mesh-journal',
  targets: [],
  summary: 'an event about one of 1,000 peers onto the disk, with the journal and without',
  async run(context) {
    const count = peerCountOf(context)
    const rounds = context.rounds ?? (context.quick ? 3 : 60)
    const folder = await mkdtemp(join(tmpdir(), 'plexd-bench-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, { recursive: true }))
    const journal = stack.use(createMeshJournal(join(folder, 'mesh.journal'), silentLog))
    let state = { ...emptyDesiredState, peers: makePeers(count) }
    await journal.save(state)
    const lines: number[] = []
    const files: number[] = []
    // In turns, so that both see the same disk.
    for (let round = 0; round < rounds; round++) {
      const endpoint = `198.51.100.1:${1_024 + round}`
      const peers = state.peers.map((peer, at) =>
        at === round % count ? { ...peer, endpoint } : peer,
      )
      state = { ...state, peers, revision: `r-${round}` }
      lines.push(await timeOf(() => journal.save(state)))
      const file = join(folder, 'mesh.json')
      files.push(await timeOf(() => writeFileAtomic(file, JSON.stringify(state))))
    }
    const [line, file] = [quantiles(lines), quantiles(files)]
    context.add({ what: `one of ${count} peers to the disk`, unit: 'ms', ...medianOf(line) })
    addGain(context, 'mesh-journal: the same', { with: line.median, without: file.median })
  },
}
