import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toRequest } from '../../adapters/node.ts'
import { sendResponse } from '../../adapters/node-response.ts'
import { fsBlobs } from '../../src/blobs/fs.ts'
import type { CofferOptions } from '../../src/gate/options.ts'
import type { Limits } from '../../src/vaults/limits.ts'
import type { Vault } from '../../src/vaults/vault-handle.ts'
import { listen } from '../adapters/server.ts'
import { createOperated, KEY } from './operator.ts'

/** What a server may be given besides its defaults. */
export interface VaultServerOptions {
  readonly limits?: Partial<Limits>
  /** Where files are kept. Default: a folder that goes with the server. */
  readonly blobs?: string
  readonly options?: Partial<CofferOptions>
}

/** What a request is made of besides its path; the key is an API key unless it says otherwise. */
export interface Sent extends Omit<RequestInit, 'headers' | 'body'> {
  readonly body?: BodyInit | object | null
  readonly bearer?: string | null
  readonly headers?: Record<string, string>
}

/** An operated seller with vaults on a real socket, and a clock that is moved by hand. */
export async function serveVaults({ limits = {}, blobs, options = {} }: VaultServerOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-api-'))
  const seller = createOperated({
    vaults: { blobs: fsBlobs(blobs ?? join(folder, 'blobs')), limits },
    ...options,
  })
  const { coffer } = seller
  const served = await listen(async (req, res) => {
    const request = toRequest(req, res)
    const answer = request instanceof Response ? request : await coffer.fetch(request)
    await sendResponse(answer, res).catch(() => {})
  })

  /** Asks over the socket; with a body, by POST. */
  function send(path: string, { body, bearer = KEY, headers = {}, ...init }: Sent = {}): Promise<Response> {
    const isPlain = body != null && Object.getPrototypeOf(body) === Object.prototype
    const content = (isPlain ? JSON.stringify(body) : body) as BodyInit | null | undefined
    const authorization: Record<string, string> = bearer === null ? {} : { authorization: `Bearer ${bearer}` }
    return fetch(served.url + path, {
      method: content == null ? 'GET' : 'POST',
      ...(content != null && { body: content, duplex: 'half' }),
      ...init,
      headers: { ...authorization, ...headers },
    } as RequestInit)
  }

  return {
    ...seller,
    ...served,
    folder,
    send,
    post: (path: string, body: object = {}) => send(path, { method: 'POST', body }),
    async createVault(): Promise<Vault> {
      const vault = await coffer.vaults?.create()
      if (vault === undefined) throw new Error('there are no vaults')
      return vault
    },
    async close() {
      await served.close()
      await coffer.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export type VaultServer = Awaited<ReturnType<typeof serveVaults>>
