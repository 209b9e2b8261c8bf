/** Owns the figures that the processes of a region leave in its Redis, for every region to read. */
import { messageOf } from '../base/errors.ts';
import { SharedCacheDown } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { answeredWithin, whenReady, type RedisConnection } from './connect.ts';
import { type Script } from './script.ts';
import { allFiguresScript, keyNames, leaveFiguresScript } from './scripts.ts';

export interface FiguresSettings {
  readonly redis: RedisConnection;
  /** Time limit of one command, with the connection that it may need, milliseconds. */
  readonly timeoutMs: number;
  readonly options: Pick<Options, 'redisPrefix' | 'redisStatsMs'>;
}

/** Figures are forgotten after as many intervals without new ones: their process is gone. */
const MISSED = 5;

export class RedisFigures {
  readonly #settings: FiguresSettings;

  constructor(settings: FiguresSettings) {
    this.#settings = settings;
  }

  /** Puts `text` in the place of what process `id` left before. Throws `SharedCacheDown`. */
  async leave(id: string, text: string): Promise<void> {
    await this.#run(leaveFiguresScript, [id, String(MISSED * this.#settings.options.redisStatsMs), text]);
  }

  /** What every process left that left any of late. Throws `SharedCacheDown`. */
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
