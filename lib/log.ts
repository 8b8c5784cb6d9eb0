/** The part of Fastify's logger (pino's) that lib/ writes to: an object of facts, then words. */
export type Log = Record<'debug' | 'info' | 'warn' | 'error', (facts: object, message: string) => void>;
