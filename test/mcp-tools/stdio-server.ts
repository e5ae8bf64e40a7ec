import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { openToolShop } from './tool-shop.ts'

/** A shop in a process of its own, on standard input and output; its chains are in the environment. */
const { evm, tempo } = JSON.parse(process.env['SHOP_CHAINS'] ?? '')
const shop = openToolShop({ report: { price: '0.01' } }, { evm: [evm], tempo })
await shop.createServer().connect(new StdioServerTransport())
process.stdin.on('end', () => void shop.stop())
