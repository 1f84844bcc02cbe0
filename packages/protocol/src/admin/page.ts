import { Type } from 'typebox'
import { nullable } from '../schemas/scalars.ts'

/** A page of a list, oldest or lowest first; `next` is the `after` of the next page, null on the last. */
export function pageOf<S extends Parameters<typeof Type.Array>[0]>(item: S) {
  return Type.Object({ items: Type.Array(item), next: nullable(Type.String()) })
}
