/**
 * Owns how a process follows the steps that are applied to its region's shared cache: over its own subscription, whose
 * loss is detected and reported at once.
 */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Fanout, type FanoutHandlers } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { answeredWithin, openSubscriber, type RedisAddress } from './connect.ts';
import { keyNames } from './scripts.ts';
import { parseMessage } from './state.ts';

export interface FanoutSettings extends RedisAddress {
  readonly options: RedisAddress['options'] & Pick<Options, 'redisPrefix'>;
}

/** Interval of PINGs. Without them, a connection whose other end has vanished looks like an idle one. */
const PING_MS = 1_000;
const BACKOFF = { firstMs: 50, maxMs: 1_000 };

export class RedisFanout implements Fanout {
  readonly #settings: FanoutSettings;

  constructor(settings: FanoutSettings) {
    this.#settings = settings;
  }

  async follow(handlers: FanoutHandlers, signal: AbortSignal): Promise<void> {
    const { log } = this.#settings;
    const backoff = new Backoff(BACKOFF);
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      let stood = false;
      const onSubscribed = (): void => {
        stood = true;
        backoff.reset();
        log.info("This server is subscribed to the region's Redis.");
        handlers.onSubscribed();
      };
      const reason = await this.#attend({ ...bound(handlers), onSubscribed }, signal, attempt);
      if (signal.aborted) return;
      log[stood ? 'warn' : 'debug'](
        `The subscription to the region's Redis ${stood ? 'is lost' : 'fails'} (${reason}); trying again.`,
      );
      await sleep(backoff.nextMs(), signal);
    }
  }

  /** One subscription from its start to its end; resolves to the reason for its end. */
  async #attend(handlers: FanoutHandlers, signal: AbortSignal, attempt: number): Promise<string> {
    const { url, options } = this.#settings;
    const redis = openSubscriber(this.#settings, attempt);
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    let state: 'opening' | 'subscribed' | 'over' = 'opening';
    const stand = (): void => {
      if (state !== 'opening') return;
      state = 'subscribed';
      handlers.onSubscribed();
    };
    const end = (reason: string): void => {
      const told = state === 'subscribed';
      state = 'over';
      if (told) handlers.onLost(reason);
      resolve(reason);
    };
    const stop = (): void => end('stopped');
    signal.addEventListener('abort', stop, { once: true });
    redis.on('close', () => end('the connection ended'));
    redis.on('message', (_channel, text) => {
      if (state === 'over') return;
      // The first message may arrive together with the confirmation of the subscription.
      stand();
      const message = parseMessage(text);
      if (message === null) end('a message cannot be read');
      else if (message.kind === 'applied') handlers.onApplied(message.applied);
      else handlers.onBegan(message.state);
    });
    // The Sentinels are tried one after another, and each silent one takes a connection's time limit.
    const openMs = options.redisConnectMs * (url.split(',').length + 1);
    const open = async (): Promise<void> => {
      await redis.connect();
      await redis.subscribe(keyNames(options.redisPrefix).channel);
    };
    let timer: NodeJS.Timeout | undefined;
    try {
      await Promise.race([answeredWithin(openMs, open()), ended]);
      stand();
      timer = setInterval(() => {
        answeredWithin(options.redisConnectMs, redis.ping()).catch((error: unknown) => end(messageOf(error)));
      }, PING_MS);
    } catch (error) {
      end(messageOf(error));
    }
    const reason = await ended;
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
    // ioredis's disconnect() of a connection that has already closed would leave a timer running.
    if (!['close', 'end'].includes(redis.status)) redis.disconnect();
    return reason;
  }
}

/** The handlers' methods, bound to their object. */
function bound(handlers: FanoutHandlers): Omit<FanoutHandlers, 'onSubscribed'> {
  return {
    onApplied: (applied) => handlers.onApplied(applied),
    onBegan: (state) => handlers.onBegan(state),
    onLost: (reason) => handlers.onLost(reason),
  };
}
