import type { Change, Unit } from '../change.ts'
import {
  insertAuthority,
  promoteNext,
  readAuthorities,
  readLastRetired,
  retirePrevious,
  type StoredAuthority,
} from '../rows/authorities.ts'
import type { MasterKey } from '../seal/master-key.ts'
import { placeOf } from '../seal/places.ts'
import { seal } from '../seal/seal.ts'
import { makeAuthority } from '../tls/authority.ts'
import { endorse } from '../tls/endorsement.ts'
import { announceAuthorities } from './announcing.ts'
import { mustDo, type Obstacles, type Step, stageOf } from './stage.ts'

/** The authority in force, with its key if that is there. */
export interface Authority {
  certificate: string
  key: string | undefined
}

interface Place {
  change: Change
  masterKey: MasterKey
}

/** What stands against a step, without what the database says. */
export type Given = Omit<Obstacles, 'hasRetired'>

/** Makes the next authority, and tells all nodes to trust it as well. False if that has been done. */
export async function prepareAuthority(
  { change, masterKey }: Place,
  current: Authority,
  { ids, nowMs }: { ids: { current: string; next: string }; nowMs: number },
): Promise<boolean> {
  // Outside of the unit, which others wait for: keys take their time.
  const next = await makeAuthority(nowMs)
  return change(async (unit) => {
    const authorities = await readAuthorities(unit.tx)
    if (!(await isDue(unit, 'prepare', authorities, nothingAgainst))) return false
    const row = { activated_at: null, created_at: unit.nowMs }
    if (authorities.length === 0)
      await insertAuthority(unit, {
        ...row,
        id: ids.current,
        certificate: current.certificate,
        // Where it always was: in the file that the settings name.
        key_sealed: null,
        endorsement: null,
        state: 'current',
      })
    await insertAuthority(unit, {
      ...row,
      id: ids.next,
      certificate: next.certificate,
      key_sealed: seal(masterKey, next.key, placeOf.authorityKey(ids.next)),
      endorsement: current.key === undefined ? null : endorse(next.certificate, current.key),
      state: 'next',
    })
    await announceAuthorities(unit, true)
    return true
  })
}

/** From now on the next authority signs. False if that has been done. */
export function activateAuthority(
  { change }: Pick<Place, 'change'>,
  given: Given,
): Promise<boolean> {
  return change(async (unit) => {
    if (!(await isDue(unit, 'activate', await readAuthorities(unit.tx), given))) return false
    await promoteNext(unit)
    return true
  })
}

/** Tells all nodes to trust the previous authority no longer. False if that has been done. */
export function retireAuthority({ change }: Pick<Place, 'change'>, given: Given): Promise<boolean> {
  return change(async (unit) => {
    if (!(await isDue(unit, 'retire', await readAuthorities(unit.tx), given))) return false
    await retirePrevious(unit)
    await announceAuthorities(unit, true)
    return true
  })
}

const nothingAgainst: Given = {
  behind: [],
  joins: [],
  elsewhere: { behind: 0, joins: 0 },
  force: false,
}

async function isDue(
  unit: Unit,
  step: Step,
  authorities: readonly StoredAuthority[],
  given: Given,
): Promise<boolean> {
  const hasRetired = (await readLastRetired(unit.tx)) !== undefined
  return mustDo(step, stageOf(authorities), { ...given, hasRetired })
}
