import * as z from 'zod/mini'
import { instant, jsonObject } from './schemas.ts'

/** Members that every account of a vault has. */
const facts = {
  id: z.string(),
  status: z.enum(['active', 'sealed', 'persisted', 'expired']),
  label: z.nullable(z.string()),
  summary: z.nullable(z.string()).check(z.describe('What was said when it was sealed.')),
  createdAt: instant,
  expiresAt: z.nullable(instant).check(z.describe('When it ends; null once it is persisted.')),
  sealedAt: z.nullable(instant),
  persistedAt: z.nullable(instant),
  events: z.int().check(z.describe('How many there were.')),
}

const infoMembers = {
  ...facts,
  metadata: jsonObject,
  paymentId: z.nullable(z.string()),
  previousVaultId: z.nullable(z.string()).check(z.describe('The vault that it goes on from.')),
  bytes: z.int().check(z.describe('What its documents and files hold together.')),
}

const size = z.int().check(z.describe('Bytes; of a document, those of its canonical JSON.'))
const sha256 = z.string().check(z.describe('Of these bytes, in hexadecimal.'))
const documentMembers = { id: z.string(), label: z.nullable(z.string()), createdAt: instant }
const data = z.unknown().check(z.describe('Whatever JSON can carry.'))

/** A document without its data. */
export const documentStub = z.strictObject({ ...documentMembers, size, sha256 })

/** A document. */
export const document = z.strictObject({ ...documentMembers, size, sha256, data })

const fileMembers = {
  id: z.string(),
  name: z.string().check(z.describe('What its sender called it. Not a path.')),
  mimeType: z.string().check(z.describe('What its sender said that it is.')),
  size,
  sha256,
  createdAt: instant,
}

/** A file without its bytes. */
export const fileStub = z.strictObject(fileMembers)

/** A vault as lists show it. */
export const vaultInfo = z.strictObject({
  ...infoMembers,
  documents: z.int().check(z.describe('How many it holds.')),
  files: z.int().check(z.describe('How many it holds.')),
})

/** A vault with what is in it, but for the content. */
export const vault = z.strictObject({
  ...infoMembers,
  documents: z.array(documentStub),
  files: z.array(fileStub),
})

/** A vault with all that is in it but the bytes of files. */
export const manifest = z.strictObject({
  ...facts,
  documents: z.array(z.strictObject({ ...documentMembers, data })),
  files: z.array(
    z.strictObject({ ...fileMembers, url: z.string().check(z.describe('Where its bytes are.')) }),
  ),
})

/** What a vault is made of. */
export const newVault = z.strictObject({
  label: z.optional(z.string().check(z.maxLength(500), z.describe('Shown to people.'))),
  ttlHours: z.optional(z.number().check(z.describe('Hours that it is kept from now on.'))),
  paymentId: z.optional(z.string().check(z.describe('The payment that it belongs to. A payment has one.'))),
  metadata: z.optional(jsonObject.check(z.describe('At most 8 KiB.'))),
  previousVaultId: z.optional(z.string().check(z.describe('The vault that it goes on from.'))),
})

const limit = z.int().check(z.describe('-1 for no limit.'))

/** How much is kept, and how much may be. */
export const quota = z.strictObject({
  usage: z.strictObject({
    activeVaults: z.int(),
    persistedVaults: z.int(),
    storageBytes: z.int().check(z.describe('What documents and files hold together.')),
  }),
  limits: z.strictObject({
    sessions: z.boolean().check(z.describe('Whether payments may open sessions.')),
    activeVaults: limit,
    persistedVaults: limit,
    ttlHours: z.number().check(z.describe('Longest time that a vault may be given. -1 for no limit.')),
    documentsPerVault: limit,
    filesPerVault: limit,
    fileBytes: limit,
    storageBytes: limit,
  }),
})
