/** {@link answer} as a Worker, whose streams beat faster. */
import { answer, hurry } from './followed.ts'

hurry()
export default { fetch: answer }
