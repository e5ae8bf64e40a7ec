import { type Browser, chromium, type Page } from 'playwright-core'
import { listen } from '../adapters/server.ts'

/** A real browser, and a page of an origin of its own. */
export interface Chromium {
  readonly page: Page
  /** Origin of the page. */
  readonly origin: string
  close(): Promise<void>
}

/** Traffic to the loopback only, and no services of the browser's own. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Starts Chromium with a fresh profile, at a page that scripts can be put into.
 *
 * @param script - Of the page: a module. What it assigns to `globalThis`, `page.evaluate` can call.
 */
export async function openChromium(script = ''): Promise<Chromium> {
  const served = await listen((_, res) => {
    res.setHeader('content-type', 'text/html; charset=utf-8')
    res.end(`<!doctype html><title>A page</title><script type="module">${script}</script>`)
  })
  let browser: Browser | undefined
  try {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS })
    const page = await browser.newPage()
    const failed = new Promise<never>((_, reject) => page.on('pageerror', reject))
    await Promise.race([page.goto(served.url, { waitUntil: 'load' }), failed])
    const opened = browser
    return {
      page,
      origin: served.url,
      async close() {
        await opened.close()
        await served.close()
      },
    }
  } catch (error) {
    await browser?.close()
    await served.close()
    throw error
  }
}
