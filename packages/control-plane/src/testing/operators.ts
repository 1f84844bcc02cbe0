import { join } from 'node:path'
import {
  type AdminApi,
  adminApi,
  type Client,
  createClient,
  newAdminToken,
  newId,
  parseCidr,
  type Role,
} from '@plexd/protocol'
import { createHttpTransport } from '@plexd/runtime'
import { tokenHash } from '../access/auth.ts'
import { putOperator } from '../rows/fleet/operators.ts'
import { addTenant, readFirstTenant } from '../rows/fleet/tenants.ts'
import type { TestControlPlane } from './harness.ts'

export interface TestOperator {
  readonly token: string
  readonly tenantId: string
  readonly api: Client<AdminApi>
}

/** An operator of the tenant that is there, or of a new one. */
export async function addOperator(
  plane: TestControlPlane,
  { role = 'owner', tenant, name }: { role?: Role; tenant?: string; name?: string } = {},
): Promise<TestOperator> {
  const token = newAdminToken()
  const tenantId =
    tenant === undefined
      ? await readFirstTenant(plane.app.store.reader)
      : await makeTenant(plane, tenant)
  const operator = {
    id: newId('token'),
    tenant_id: tenantId,
    name: name ?? `${role}-${token.slice(-6)}`,
    role,
    token_hash: tokenHash(token),
  }
  await plane.app.change((unit) => putOperator(unit, operator))
  // Connections of it end with the server.
  const caFile = plane.url.startsWith('https:') ? join(plane.dataDir, 'ca.crt') : undefined
  const transport = createHttpTransport({ baseUrl: plane.url, caFile, userAgent: 'test' })
  return { token, tenantId, api: createClient(adminApi, transport, () => token) }
}

async function makeTenant({ app }: TestControlPlane, name: string): Promise<string> {
  const tenant = { id: newId('tenant'), name, range: parseCidr('10.200.0.0/16') }
  await app.change((unit) => addTenant(unit, tenant))
  return tenant.id
}
