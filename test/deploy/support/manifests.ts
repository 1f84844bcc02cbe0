import { join } from 'node:path'
import type { IPodSpec } from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'
import { root } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'

/** An object of Kubernetes, as far as all of them are alike. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  data?: Record<string, string>
  spec?: { template?: { spec?: IPodSpec }; [field: string]: unknown }
}

export const kubernetes = join(root, 'deploy/kubernetes')

/** What `kubectl apply -k` would send. */
export async function renderManifests(folder: string): Promise<Manifest[]> {
  const path = join(kubernetes, folder)
  const { code, stdout, stderr } = await runToEnd('kubectl', ['kustomize', path])
  if (code !== 0) throw new Error(`kubectl kustomize "${path}": ${stderr}`)
  return readManifests(stdout)
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(`read manifests: ${document.errors[0]}`)
    return document.toJS()
  })
}

/** The pod of the one of that kind. */
export function podOf(manifests: readonly Manifest[], kind: string): IPodSpec {
  const spec = manifests.find((one) => one.kind === kind)?.spec?.template?.spec
  if (!spec) throw new Error(`find the pod of a ${kind}: there is none`)
  return spec
}
