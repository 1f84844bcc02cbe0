import { ApiError, type Permission, type RoleName, roles, rolesWith } from '@plexd/protocol'

/** Throws an ApiError (403) for a request that needs more than its row; `what` completes "may not". */
export function requirePermission(
  { role }: { role: RoleName },
  permission: Permission,
  what: string,
): void {
  if (roles[role].permissions.has(permission)) return
  const others = rolesWith(permission).map((name) => `"${name}"`)
  throw new ApiError(
    'forbidden',
    `role "${role}" may not ${what}: this needs the permission "${permission}", which role ${others.join(' or ')} has`,
  )
}
