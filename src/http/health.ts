/** Owns probing whether another region's Meridian server is ready: one request at a time, within a time limit. */
import { messageOf } from '../base/errors.ts';
import { type Log } from '../telemetry/log.ts';

export interface ServerHealthSettings {
  /** Base URL of the server. */
  readonly url: string;
  /** Time limit of one request, milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export class ServerHealth {
  readonly #settings: ServerHealthSettings;
  #asked: Promise<boolean> | null = null;

  constructor(settings: ServerHealthSettings) {
    this.#settings = settings;
  }

  /** Whether the server reports that it is ready. Never throws; concurrent callers share one request. */
  ping(): Promise<boolean> {
    this.#asked ??= this.#ping().finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }

  async #ping(): Promise<boolean> {
    const { url, timeoutMs, log } = this.#settings;
    try {
      const answer = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(timeoutMs) });
      await answer.body?.cancel();
      return answer.ok;
    } catch (error) {
      log.debug({ url, err: error }, `The server does not answer: ${messageOf(error)}`);
      return false;
    }
  }
}
