import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../../scripts/programs/build.ts'
import { runToEnd } from '../../../scripts/programs/program.ts'
import type { Manifest } from './manifests.ts'

/**
 * What is wrong with manifests by the API of Kubernetes, one line each: values, by the schemas of kubernetes-models, and
 * fields that there are none of, by its types and the compiler.
 */
export async function faultsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const faults = await Promise.all(manifests.map(valueFault))
  return [...faults.flat(), ...(await fieldFaults(manifests))]
}

/** The module of an API version: its group is a folder, that of the core is none. */
const moduleOf = ({ apiVersion }: Manifest): string => `kubernetes-models/${apiVersion}`

async function valueFault(manifest: Manifest): Promise<string[]> {
  const models = await import(moduleOf(manifest))
  try {
    new models[manifest.kind](manifest).validate()
    return []
  } catch (error) {
    return [
      `${manifest.kind} ${manifest.metadata.name}: ${error instanceof Error && error.message}`,
    ]
  }
}

/** A literal may have no field that its type has not. In a folder of the project, from which the types are found. */
async function fieldFaults(manifests: readonly Manifest[]): Promise<string[]> {
  await using folder = await mkdtempDisposable(join(root, 'node_modules/.cache/manifests-'))
  const lines = manifests.map(
    (one, at) =>
      `export const of${at}: import('${moduleOf(one)}').I${one.kind} = ${JSON.stringify(one)}\n`,
  )
  const file = join(folder.path, 'manifests.ts')
  await writeFile(file, lines.join(''))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig']
  const modules = ['--module', 'nodenext', '--target', 'esnext', '--types', '']
  const compiler = join(root, 'node_modules/.bin/tsc')
  const { code, stdout, stderr } = await runToEnd(compiler, [...options, ...modules, file])
  if (code !== 0 && stdout === '') throw new Error(`compile the manifests: ${code}: ${stderr}`)
  return stdout.split('\n').filter(Boolean)
}
