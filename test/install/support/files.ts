/** For a shell: all files without what any package manager, and any service, writes. */
export const listFiles =
  'find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /srv -o -path /var/log -o -path /var/lib/rpm -o -path "/var/tmp/systemd-private-*" -o -path /var/lib/apt -o -path /var/cache/apt \\) -prune -o -print | sort'

/** What is in one of two such lists alone. */
export function differences(before: string, after: string): string[] {
  const lines = [before, after].map((text) => new Set(text.trim().split('\n')))
  const [old, now] = lines as [Set<string>, Set<string>]
  return [...old.symmetricDifference(now)]
}
