/** For a person who waits. */
export function tellProgress({ json }: { json?: boolean }): (text: string) => void {
  return json || !process.stderr.isTTY ? () => {} : (text) => void process.stderr.write(`${text}\n`)
}
