import { Type } from 'typebox'

/** The change was made, but may not be what the operator meant. */
export const Warnings = Type.Object({ warnings: Type.Array(Type.String()) })
