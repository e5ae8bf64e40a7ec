import type { Discovery } from './discovery.ts'
import { priceText } from './priced-operation.ts'

/** What an agent reads first: what there is, what it costs, how to pay. Markdown (llmstxt.org). */
export function llmsText({ title, routes }: Discovery): string {
  const lines = routes.map((route) => {
    const what = [route.summary, route.description, priceText(route)].filter((text) => text !== null)
    return `- \`${route.method} ${route.path}\`: ${what.join('. ')}.`
  })
  const sections = [
    `# ${title}`,
    '> Paid per request, in stablecoins, over HTTP 402. No account is needed.',
    ...(lines.length > 0 ? ['## Paid routes', lines.join('\n')] : []),
    '## How to pay',
    HOW_TO_PAY,
    '## More',
    '- [OpenAPI](/openapi.json): every route, with ways to pay in `x-payment-info`',
  ]
  return `${sections.join('\n\n')}\n`
}

const HOW_TO_PAY = `Send the request without payment. The answer is a 402 that says how to pay, for each client in its own
words: \`PAYMENT-REQUIRED\` (x402 version 2), \`accepts\` in the body (x402 version 1), \`WWW-Authenticate: Payment\` (MPP).
Send the same request again with the credential: \`PAYMENT-SIGNATURE\`, \`X-PAYMENT\`, or \`Authorization: Payment\`. When an
answer is not a 402, do not pay again: send the same credential once more.`
