import { adminApi, newId } from '@plexd/protocol'
import { tellEntryChange } from '../../entries/change.ts'
import { refuseOverfull } from '../../entries/refuse-overfull.ts'
import { readTarget, rowFor } from '../../entries/target.ts'
import { handle } from '../../handle.ts'
import { targetWarnings } from '../../mesh/target-warnings.ts'
import { nextVersion } from '../../rows/entries.ts'
import { putSecretEntry, readSecretsOf } from '../../rows/secrets.ts'
import { placeOf } from '../../seal/places.ts'
import { open, seal } from '../../seal/seal.ts'
import { findNodeById } from '../wire/find-node.ts'
import { readTargetNames, secretView } from './entry-view.ts'

/** The value is sealed before it is written. Writing the same value again changes nothing. */
export const putSecret = handle(
  adminApi.putSecret,
  async ({ principal, params: { key }, body }, app) => {
    const { tenant_id } = principal
    const secret = await app.change(async (unit) => {
      const meant = readTarget(
        body.target,
        (id) => findNodeById(unit.fleet, principal, id),
        'secret',
      )
      const before = await readSecretsOf(unit.tx, tenant_id, key)
      const old = rowFor(before, meant)
      const target = old?.target ?? meant
      const context = placeOf.secret({ tenant_id, key, target })
      if (old && open(app.masterKey, old.value_sealed, context) === body.value) return old
      const row = {
        id: old?.id ?? newId('entry'),
        tenant_id,
        key,
        target,
        value_sealed: seal(app.masterKey, body.value, context),
        version: await nextVersion(unit.tx, { tenant_id, kind: 'secret', key }),
        updated_at: unit.nowMs,
      }
      await putSecretEntry(unit, row)
      await refuseOverfull(unit, app.config.limits, {
        tenant_id,
        table: 'secrets',
        old: old && { ...old, bytes: 0 },
        row,
      })
      const after = [...before.filter(({ id }) => id !== row.id), row]
      tellEntryChange(unit, 'node_secrets_updated', { tenant_id, target, before, after })
      return row
    })
    return {
      ...secretView(secret, await readTargetNames(app, tenant_id, [secret])),
      warnings: targetWarnings(body.target, app.fleet.nodes(tenant_id), 'secret'),
    }
  },
)
