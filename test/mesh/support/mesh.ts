import { after, before } from 'node:test'
import { createLab, type Lab } from '../../../scripts/laboratory/lab.ts'
import {
  type JoinOptions,
  type MeshMember,
  type MeshSystem,
  startMeshSystem,
} from '../../../scripts/programs/mesh-system.ts'
import { joinAll } from './members.ts'

/** A laboratory, a control plane in it, and its members by their names. */
export type Mesh<Name extends string> = { lab: Lab; system: MeshSystem } & Record<Name, MeshMember>

export interface MeshOptions<Name extends string> {
  /** Runs before the members join. */
  prepare?: (opened: { lab: Lab; system: MeshSystem }) => Promise<unknown>
  /** How a member joins; asked after `prepare`. */
  join?: (name: Name) => JoinOptions
}

/**
 * Opens a mesh before the first test of the `describe` that calls this, and closes it after the last one. The object is
 * empty until then.
 */
export function openMesh<Name extends string>(
  names: readonly Name[],
  { prepare, join }: MeshOptions<Name> = {},
): Mesh<Name> {
  const mesh = {} as Mesh<Name> // filled before the first test
  const opened = new AsyncDisposableStack()
  before(async () => {
    const lab = opened.use(await createLab())
    const system = opened.use(await startMeshSystem(lab))
    await prepare?.({ lab, system })
    Object.assign(mesh, { lab, system }, await joinAll(lab, system, names, join))
  })
  after(() => opened.disposeAsync())
  return mesh
}
