/**
 * Writes the table of bench/README.md and the charts of docs/performance from the JSON in bench/results:
 * `./run bench NAME --out bench/results/FILE.json`, then `./run node bench/publish.ts`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Chart, drawChart } from './publish/chart.ts'
import { floorOf, formatResults, lineOf, readResults } from './publish/results.ts'

const readme = join(import.meta.dirname, 'README.md')
const charts = join(import.meta.dirname, '../docs/performance')
const figures = await readResults(join(import.meta.dirname, 'results'))

await writeFile(readme, withTable(await readFile(readme, 'utf8'), formatResults(figures)))
await mkdir(charts, { recursive: true })
for (const [name, chart] of Object.entries(chartsOf()))
  if (chart.lines.some(({ points }) => points.length > 1))
    await writeFile(join(charts, `${name}.svg`), drawChart(chart))

function chartsOf(): Record<string, Chart> {
  return {
    convergence: {
      title: 'One endpoint changes, until the last agent has been told',
      unit: 'ms, median',
      lines: [
        lineOf(figures, 'convergence', 'control plane'),
        floorOf(figures, 'convergence', 'bare node:https'),
      ],
    },
    policy: {
      title: 'A rule of the whole fleet changes, until the last agent has been told',
      unit: 'ms, p99',
      lines: [
        lineOf(figures, 'policy alike', 'a rule for all'),
        lineOf(figures, 'policy apart', 'a rule from a tenth to all'),
      ],
    },
    'idle-cpu': {
      title: 'Nothing happens: CPU of the control plane',
      unit: '% of a core',
      lines: [
        lineOf(figures, 'idle cpu', 'heartbeats, pulls and reports at their usual intervals'),
      ],
    },
    memory: {
      title: 'Memory of the control plane for each agent, all in',
      unit: 'KiB',
      lines: [
        lineOf(figures, 'memory', 'control plane'),
        floorOf(figures, 'memory', 'bare node:https'),
      ],
    },
  }
}

/** Replaces what is between the two comments. */
function withTable(text: string, table: string): string {
  const [before, rest] = text.split('<!-- results -->\n')
  const [, after] = rest?.split('<!-- end of results -->') ?? []
  if (after === undefined) throw new Error('write results: README.md has no place for them')
  return `${before}<!-- results -->\n${table}<!-- end of results -->${after}`
}
