import { type Operation, type RoleName, roles, rolesWith } from '@plexd/protocol'

export interface Operator {
  readonly role: RoleName
  /** The name of the tenant. */
  readonly tenant: string
  /** Whether it is the first tenant of the installation. */
  readonly isFirst: boolean
}

/** Why an operator may not call an operation; undefined if it may. Pure; looks only at the row. */
export function refusalOf(
  { method, permission, scope }: Operation,
  { role, tenant, isFirst }: Operator,
): string | undefined {
  const { says, permissions } = roles[role]
  if (permission !== undefined && !permissions.has(permission)) {
    const others = rolesWith(permission).map((name) => `"${name}"`)
    return `role "${role}" ${says}: this needs role ${others.join(' or ')}`
  }
  const does = method === 'GET' ? 'see' : 'change'
  if (scope === 'installation' && !isFirst)
    return `tenant "${tenant}" may not ${does} what all tenants share: ask an owner of the tenant that the installation began with`
  return undefined
}
