import { adminApi } from '@plexd/protocol'
import type { Environment, Seals, State } from '../../app.ts'
import { readTarget } from '../../entries/target.ts'
import { writeEntry } from '../../entries/write.ts'
import { handle } from '../../handle.ts'
import { targetWarnings } from '../../mesh/target-warnings.ts'
import { placeOf } from '../../seal/places.ts'
import { open, seal } from '../../seal/seal.ts'
import { findNodeById } from '../wire/find-node.ts'
import { readTargetNames, secretView } from './entry-view.ts'

/** The value is sealed before it is written. */
export const putSecret = handle(
  adminApi.putSecret,
  async ({ principal, params: { key }, body }, app: State & Seals & Environment) => {
    const { tenant_id } = principal
    const { masterKey } = app
    const placeFor = (target: string) => placeOf.secret({ tenant_id, key, target })
    const secret = await app.change((unit) => {
      const target = readTarget(
        body.target,
        (id) => findNodeById(unit.fleet, principal, id),
        'secret',
      )
      return writeEntry(unit, app.config.limits, 'secret', {
        tenant_id,
        key,
        target,
        isSame: (old) => open(masterKey, old.value_sealed, placeFor(old.target)) === body.value,
        contentFor: (to) => ({ value_sealed: seal(masterKey, body.value, placeFor(to)) }),
      })
    })
    return {
      ...secretView(secret, await readTargetNames(app, tenant_id, [secret])),
      warnings: targetWarnings(body.target, app.fleet.nodes(tenant_id), 'secret'),
    }
  },
)
