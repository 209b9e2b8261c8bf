/** Owns how a room below telemetry tells of something: a level, one sentence, facts. Whoever wires it decides where it goes. */

export type Notify = (level: 'debug' | 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
