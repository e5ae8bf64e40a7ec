/** An agent's wallet as tools of the Model Context Protocol. Needs `@modelcontextprotocol/sdk`. */

export type { HttpAccess } from './mcp/access.ts'
export { createMcp, type Mcp } from './mcp/mcp.ts'
export type { McpOptions } from './mcp/options.ts'
export { CofferError, type CofferErrorCode } from './problems/error.ts'
