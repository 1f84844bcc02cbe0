import { type Static, Type } from 'typebox'
import { roleNames } from '../operations/permissions.ts'
import { Timestamp } from '../schemas/scalars.ts'

export const Role = Type.Enum(roleNames)
export type Role = Static<typeof Role>

/** A token of an operator, or of a program that acts for one. */
export const AdminToken = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Role,
  created_at: Timestamp,
})
export type AdminToken = Static<typeof AdminToken>
