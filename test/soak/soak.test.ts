import { describe, it } from 'node:test'
import { labSkip } from '../../scripts/laboratory/requirements.ts'
import { soak } from './soak.ts'
import { startWorld } from './world.ts'

const minutes = Number(process.env.PLEXD_SOAK_MINUTES ?? 0.2)
const seed = Number(process.env.PLEXD_SOAK_SEED ?? Date.now() % 1_000_000)

describe('a mesh to which one thing after another happens', { skip: labSkip('tcpdump') }, () => {
  it(`works after each, for ${minutes} minutes, and leaves nothing behind`, async (t) => {
    t.diagnostic(`PLEXD_SOAK_SEED=${seed}`)
    await using world = await startWorld()
    await soak(world, { seed, minutes, say: (line) => t.diagnostic(line) })
  })
})
