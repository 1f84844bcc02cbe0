import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Figure } from '../bench.ts'
import type { Machine } from '../machine.ts'
import { boundOf, isHeld, ratioOf, short, spreadOf } from '../report.ts'
import type { Line } from './chart.ts'

/** What `--out` writes. */
export interface Run {
  date: string
  command: string
  machine: Machine
  results: {
    bench: string
    agents?: number
    figures: Figure[]
    faults: string[]
    notes: string[]
  }[]
}

export type Measured = Figure & { bench: string; run: Run; faults: string[] }

/** All figures of the runs in a folder; where one was measured twice, the later. */
export async function readResults(folder: string): Promise<Measured[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  const runs = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Run), // written by run.ts
  )
  const newest = new Map<string, Measured>()
  for (const run of runs.toSorted((a, b) => a.date.localeCompare(b.date)))
    for (const { bench, figures, faults } of run.results)
      for (const figure of figures)
        newest.set(`${bench} ${figure.what}`, { ...figure, bench, run, faults })
  return [...newest.values()]
}

/** The figures that have a target, in the order of the targets. */
export function formatResults(figures: readonly Measured[]): string {
  const rows = figures
    .filter(({ id }) => id !== undefined)
    .toSorted((a, b) => order(a) - order(b))
    .map(formatRow)
  return [
    '| | bench | what | figure | rounds | floor, in the same run | ratio | target | | when |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** `A8`, `C4`, `C10`. */
function order({ id = '' }: Figure): number {
  return (id.charCodeAt(0) - 64) * 1_000 + Number(id.slice(1))
}

function formatRow(figure: Measured): string {
  const { id = '', bench, what, value, unit, rounds, floor, run } = figure
  const spread = spreadOf(figure)
  const held = isHeld(figure)
  return `| ${[
    id,
    `\`${bench}\``,
    what,
    `**${short(value)}** ${unit}${spread && ` (${spread})`}`,
    rounds === undefined ? '' : rounds.toLocaleString('en-US'),
    floor ? `${short(floor.value)} ${floor.what}` : '',
    ratioOf(figure),
    boundOf(figure),
    held === undefined ? '' : held ? 'held' : '**missed**',
    `${run.date.slice(0, 10)}, \`${run.machine.commit}\`, load ${run.machine.load}`,
  ].join(' | ')} |`
}

/** The figures of one series, which was measured at several sizes. */
export function lineOf(figures: readonly Measured[], series: string, name: string): Line {
  return { name, points: pointsOf(figures, series, ({ value }) => value) }
}

export function floorOf(figures: readonly Measured[], series: string, name: string): Line {
  return { name, isFloor: true, points: pointsOf(figures, series, ({ floor }) => floor?.value) }
}

function pointsOf(
  figures: readonly Measured[],
  series: string,
  of: (figure: Figure) => number | undefined,
): Line['points'] {
  return figures
    .filter((figure) => figure.series?.name === series)
    .flatMap((figure) => {
      const value = of(figure)
      return value === undefined || !figure.series ? [] : [{ at: figure.series.at, value }]
    })
}
