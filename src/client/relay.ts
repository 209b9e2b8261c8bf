/** Owns tokens in Relay: a network function that adds headers to each request. */
import { type FetchFunction, type GraphQLResponse } from 'relay-runtime';
import { KEY_HEADER } from '../protocol/headers.ts';
import { type ClientOptions } from './fetch.ts';
import { newKey } from './idempotency.ts';

type Source = ReturnType<FetchFunction>;
type Subscribable = Extract<Source, { subscribe: unknown }>;
type Sink = Parameters<Subscribable['subscribe']>[0];

export interface MeridianFetchOptions extends ClientOptions {
  /** Returns the fetch function that sends your request with these headers added. */
  readonly fetch: (headers: Readonly<Record<string, string>>) => FetchFunction;
}

/**
 * For `Network.create`. The token is read from the answer's body, which always has it. Put retries into your own
 * function: each call of this one begins a new operation, unless `cacheConfig.metadata.idempotencyKey` names the key.
 */
export function meridianFetch({ store, fetch, idempotencyKeys = false }: MeridianFetchOptions): FetchFunction {
  return (request, variables, cacheConfig, uploadables) => {
    const carrier = store.carry({ kind: request.operationKind, name: request.name });
    const key =
      idempotencyKeys && request.operationKind === 'mutation'
        ? { [KEY_HEADER]: keyIn(cacheConfig?.metadata) ?? newKey() }
        : {};
    return {
      subscribe(sink: Sink) {
        let closed = false;
        let current: { unsubscribe(): void } | undefined;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const send = (): void => {
          let over = false;
          const isOver = (): boolean => over || closed;
          const next = (result: GraphQLResponse): void => {
            if (isOver()) return;
            const repeat = carrier.take({ result });
            if (repeat === null) return sink.next?.(result);
            over = true;
            current?.unsubscribe();
            timer = setTimeout(send, repeat.afterMs);
          };
          const error = (cause: unknown): void =>
            void (isOver() || sink.error?.(cause instanceof Error ? cause : new Error(String(cause))));
          const complete = (): void => void (isOver() || sink.complete?.());
          try {
            current = listen(fetch({ ...carrier.headers(), ...key })(request, variables, cacheConfig, uploadables), {
              next,
              error,
              complete,
            });
            // The source may have answered synchronously.
            if (over) current?.unsubscribe();
          } catch (cause) {
            error(cause);
          }
        };
        send();
        return {
          get closed() {
            return closed;
          },
          unsubscribe() {
            closed = true;
            clearTimeout(timer);
            current?.unsubscribe();
          },
        };
      },
    };
  };
}

interface Listener {
  readonly next: (result: GraphQLResponse) => void;
  readonly error: (cause: unknown) => void;
  readonly complete: () => void;
}

/** A Relay function may return an observable, a promise, or the answer itself. */
function listen(source: Source, listener: Listener): { unsubscribe(): void } | undefined {
  if ('subscribe' in source) return source.subscribe(listener);
  const end = (result: GraphQLResponse): void => {
    listener.next(result);
    listener.complete();
  };
  if ('then' in source) void source.then(end).catch(listener.error);
  else end(source);
  return undefined;
}

function keyIn(metadata: unknown): string | undefined {
  const key = (metadata as { readonly idempotencyKey?: unknown } | null | undefined)?.idempotencyKey;
  return typeof key === 'string' ? key : undefined;
}
