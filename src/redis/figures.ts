/** Owns the figures that the processes of a region store in its Redis, for every region to read. */
import { messageOf } from '../base/errors.ts';
import { SharedCacheDown } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { answeredWithin, whenReady, type RedisConnection } from './connect.ts';
import { type Script } from './script.ts';
import { allFiguresScript, keyNames, leaveFiguresScript } from './scripts.ts';

export interface FiguresSettings {
  readonly redis: RedisConnection;
  /** Time limit of one command, including connecting, milliseconds. */
  readonly timeoutMs: number;
  readonly options: Pick<Options, 'redisPrefix' | 'redisStatsMs'>;
}

/** Figures expire after this many intervals without an update: their process has ended. */
const MISSED = 5;

export class RedisFigures {
  readonly #settings: FiguresSettings;

  constructor(settings: FiguresSettings) {
    this.#settings = settings;
  }

  /** Replaces the figures of process `id` by `text`. Throws `SharedCacheDown`. */
  async leave(id: string, text: string): Promise<void> {
    await this.#run(leaveFiguresScript, [id, String(MISSED * this.#settings.options.redisStatsMs), text]);
  }

  /** The figures of all processes that have not expired. Throws `SharedCacheDown`. */
  async all(): Promise<readonly string[]> {
    return (await this.#run(allFiguresScript, [])) as readonly string[];
  }

  async #run(script: Script, args: readonly string[]): Promise<unknown> {
    const { redis, timeoutMs, options } = this.#settings;
    try {
      if (!(await whenReady(redis, timeoutMs))) throw new Error('there is no connection');
      return await answeredWithin(timeoutMs, script.run(redis, keyNames(options.redisPrefix).figures, args));
    } catch (error) {
      throw new SharedCacheDown(`A region's Redis does not answer (${messageOf(error)}).`, { cause: error });
    }
  }
}
