/** How the protocols travel in MCP, for the adapter of its servers. Not an entry of the package. */
export { canonicalJson } from './lib/json.ts'
export * as mpp from './protocols/mpp/mcp.ts'
export * as x402 from './protocols/x402/mcp.ts'
