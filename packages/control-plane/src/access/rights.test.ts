import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adminApi, type Operation, roleNames, roles } from '@plexd/protocol'
import { type Operator, refusalOf } from './rights.ts'

const first: Operator = { role: 'owner', tenant: 'default', isFirst: true }
const other: Operator = { role: 'owner', tenant: 'other', isFirst: false }
const rows = Object.entries(adminApi) as [string, Operation][]

describe('refusalOf', () => {
  it('lets an owner of the first tenant do everything', () => {
    const refused = rows.filter(([, row]) => refusalOf(row, first) !== undefined)
    assert.deepEqual(refused, [])
  })

  it('tells a viewer which role may change something', () => {
    assert.equal(
      refusalOf(adminApi.putData, { ...first, role: 'viewer' }),
      'role "viewer" may read only: this needs role "owner"',
    )
  })

  it('lets a viewer call what reads, and nothing else', () => {
    for (const [name, row] of rows)
      assert.equal(
        refusalOf(row, { ...first, role: 'viewer' }) === undefined,
        row.permission?.endsWith('.read'),
        name,
      )
  })

  it('keeps from the owners of other tenants what all share, and nothing else', () => {
    const refused = rows.filter(([, row]) => refusalOf(row, other) !== undefined)
    assert.deepEqual(
      refused.map(([name]) => name),
      [
        'listSettings',
        'listControlPlanes',
        'rotateSigningKey',
        'rotateMasterKey',
        'prepareAuthority',
        'activateAuthority',
        'retireAuthority',
        'announceMove',
        'putArtifact',
        'deleteArtifact',
        'trustBuild',
        'distrustBuild',
      ],
    )
    assert.equal(
      refusalOf(adminApi.rotateMasterKey, other),
      'tenant "other" may not change what all tenants share: ask an owner of the tenant that the installation began with',
    )
  })

  it('speaks to the role first, whatever the tenant is', () => {
    assert.match(
      refusalOf(adminApi.rotateMasterKey, { ...other, role: 'viewer' }) ?? '',
      /^role "viewer"/,
    )
  })
})

describe('the roles', () => {
  it('have no permission that no operation asks for', () => {
    const asked = new Set(
      rows.flatMap(([, { permission, furtherPermissions = [] }]) => [
        permission,
        ...furtherPermissions,
      ]),
    )
    const idle = roleNames.flatMap((name) => [...roles[name].permissions.difference(asked)])
    assert.deepEqual(idle, [])
  })
})
