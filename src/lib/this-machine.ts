/** Whether a host name, as a URL has it, is one that no other machine has (RFC 6761 section 6.3, RFC 1122 section 3.2.1.3). */
export function isThisMachine(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}
