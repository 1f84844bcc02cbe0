import { openFleetWriter, stepKinds } from './fleet-writer.ts'

/** Changes the fleet in a database until it is killed. Arguments: the database, a seed, and a folder for the admin token. */
const [place = '', seed = '0', folder = ''] = process.argv.slice(2)
await using writer = await openFleetWriter(place, folder)
let drawn = Number(seed)
process.stdout.write('changing\n')
for (;;) {
  const group = Array.from({ length: 1 + (next() % 4) }, () => {
    const kind = stepKinds[next() % stepKinds.length] ?? 'add'
    return writer.take({ kind, of: next(), fails: next() % 8 === 0 })
  })
  await Promise.all(group)
}

/** Numerical Recipes' generator; the low bits of it repeat too soon. */
function next(): number {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0
  return drawn >>> 12
}
