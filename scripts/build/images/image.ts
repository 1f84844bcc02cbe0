import { join } from 'node:path'
import { runPackager } from '../packages/packager.ts'
import { stagingFolder } from '../packages/staging.ts'
import { configOptions, type ImageFacts, timeOf } from './image-config.ts'
import type { ImageRow } from './image-row.ts'
import { type LayerEntry, writeLayer } from './layer.ts'

export interface ImageLayer {
  /** What it is, for the history of the image. */
  title: string
  entries: readonly LayerEntry[]
}

/** Makes an OCI image layout as one file in `out`, and resolves to its name. */
export async function makeImage(
  row: ImageRow,
  layers: readonly ImageLayer[],
  { out, ...facts }: ImageFacts & { out: string },
): Promise<string> {
  const name = `${row.name}_${facts.version}_${facts.arch}.oci.tar`
  await using folder = await stagingFolder()
  const layout = join(folder.path, 'layout')
  const image = `${layout}:${row.name}:${tagOf(facts.version)}`
  const run = (...command: readonly [string, ...string[]]): Promise<void> =>
    runPackager(command, {
      title: `make ${name}`,
      debian: 'umoci',
      without: 'without --images',
      ...facts,
    })
  await run('umoci', 'init', '--layout', layout)
  await run('umoci', 'new', '--image', image)
  for (const { title, entries } of layers) {
    const file = join(folder.path, 'layer.tar')
    await writeLayer(file, entries, facts.epochSeconds)
    const history = ['--history.created', timeOf(facts), '--history.created_by', title]
    await run('umoci', 'raw', 'add-layer', '--image', image, ...history, file)
  }
  await run('umoci', 'config', '--image', image, ...configOptions(row, facts))
  await run('umoci', 'gc', '--layout', layout)
  const form = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']
  const parts = ['oci-layout', 'index.json', 'blobs']
  const time = `--mtime=@${facts.epochSeconds}`
  await run('tar', '-C', layout, ...form, time, '-cf', join(out, name), ...parts)
  return name
}

/** A tag has no plus sign. */
export function tagOf(version: string): string {
  return version.replaceAll('+', '_')
}
