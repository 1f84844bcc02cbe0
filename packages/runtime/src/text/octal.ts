/** A path as the kernel writes it in /proc/self/mountinfo, where spaces and the like are octal: proc_pid_mountinfo(5). */
export function fromOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}
