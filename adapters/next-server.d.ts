/** What the adapter needs of Next, so that it builds where Next is not installed. */
declare module 'next/server.js' {
  export function after(work: Promise<unknown>): void
}
