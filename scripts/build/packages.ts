import { makeDeb } from './packages/deb.ts'
import type { PackageParts } from './packages/package-parts.ts'
import { packageRows } from './packages/rows.ts'
import { makeRpm } from './packages/rpm.ts'

/** One kind of package of one program, or of several. */
export interface PackageKind {
  /** What it is called while it is made, as in `plexd.deb`. */
  name: string
  /** Makes it, and resolves to the name of its file in `out`. */
  make(parts: PackageParts): Promise<string>
}

/** Made for each architecture, in this order. */
export const packageKinds: readonly PackageKind[] = packageRows.flatMap((row) => [
  { name: `${row.name}.deb`, make: (parts) => makeDeb(row, parts) },
  { name: `${row.name}.rpm`, make: (parts) => makeRpm(row, parts) },
])
