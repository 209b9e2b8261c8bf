/** Owns tokens in Apollo Client: a link that is placed before the terminating link. */
import { ApolloLink, Observable } from '@apollo/client';
import { KEY_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { type Carrier } from './carrier.ts';
import { type ClientOptions } from './fetch.ts';
import { newKey } from './idempotency.ts';

type Subscriber = Parameters<ConstructorParameters<typeof Observable<ApolloLink.Result>>[0] & object>[0];

/** A RetryLink may be placed before or after: an operation keeps its idempotency key. */
export function meridianLink({ store, idempotencyKeys = false }: ClientOptions): ApolloLink {
  return new ApolloLink((operation, forward) => {
    const { operationType: kind, operationName } = operation;
    const carrier = store.carry({ kind, name: operationName ?? null });
    return new Observable((observer) => {
      let current: { unsubscribe(): void } | undefined;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const send = (): void => {
        const headers = carrier.headers();
        // Over WebSocket an operation has no headers: the server takes them from its extensions.
        if (String(kind) === 'subscription') operation.extensions = { ...operation.extensions, headers };
        setHeaders(operation, {
          ...headers,
          ...(idempotencyKeys && String(kind) === 'mutation' ? { [KEY_HEADER]: keyOf(operation) } : {}),
        });
        current = listen({ operation, carrier, observer, answers: forward(operation), again });
      };
      const again = (afterMs: number): void => {
        current?.unsubscribe();
        timer = setTimeout(send, afterMs);
      };
      send();
      return () => {
        clearTimeout(timer);
        current?.unsubscribe();
      };
    });
  });
}

interface Listening {
  readonly operation: ApolloLink.Operation;
  readonly carrier: Carrier;
  readonly observer: Subscriber;
  readonly answers: Observable<ApolloLink.Result>;
  readonly again: (afterMs: number) => void;
}

/** Each part's token is taken before the part is shown, so that a request which it triggers carries the token. */
function listen({ operation, carrier, observer, answers, again }: Listening): { unsubscribe(): void } {
  let over = false;
  const take = (answer: { readonly header: string | null; readonly result: unknown }): boolean => {
    const repeat = over ? null : carrier.take(answer);
    if (repeat === null) return !over;
    over = true;
    again(repeat.afterMs);
    return false;
  };
  return answers.subscribe({
    next: (result) => {
      if (take({ header: headerOf(operation.getContext()['response']), result })) observer.next(result);
    },
    error: (error: unknown) => {
      if (take(failureOf(error))) observer.error(error);
    },
    complete: () => {
      if (!over) observer.complete();
    },
  });
}

/** Gateways may answer with an HTTP error whose body has the details. */
function failureOf(error: unknown): { readonly header: string | null; readonly result: unknown } {
  const { response, bodyText } = (error ?? {}) as { readonly response?: unknown; readonly bodyText?: unknown };
  try {
    return { header: headerOf(response), result: typeof bodyText === 'string' ? JSON.parse(bodyText) : null };
  } catch {
    return { header: headerOf(response), result: null };
  }
}

/** A browser shows the header of a cross-origin answer only if the answer allows it. */
function headerOf(response: unknown): string | null {
  return (response as Response | undefined)?.headers?.get(TOKEN_HEADER) ?? null;
}

function keyOf(operation: ApolloLink.Operation): string {
  const { headers } = operation.getContext() as { readonly headers?: Readonly<Record<string, string>> };
  return headers?.[KEY_HEADER] ?? newKey();
}

function setHeaders(operation: ApolloLink.Operation, added: Readonly<Record<string, string>>): void {
  operation.setContext(({ headers }) => ({
    headers: { ...(headers as Record<string, string> | undefined), ...added },
  }));
}
