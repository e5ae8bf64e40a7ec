/** How the protocols travel in MCP, for the adapters to its servers and clients. Not an entry of the package. */
export { canonicalJson } from './lib/json.ts'
export type { HeaderField } from './lib/message.ts'
export * as mpp from './protocols/mpp/mcp.ts'
export * as x402 from './protocols/x402/mcp.ts'
