/** Owns tokens in urql: an exchange that is placed before `fetchExchange`. */
import { getOperationName, makeOperation, mapExchange, type Exchange, type Operation } from '@urql/core';
import { type Carrier } from './carrier.ts';
import { send, type ClientOptions } from './fetch.ts';
import { newKey } from './idempotency.ts';

/** What the exchange stores in an operation's context. */
interface CarriedOperation {
  readonly original: Operation;
  readonly carrier: Carrier;
  /** Whether its answer was read in `fetch`. Answers in parts, or over another transport, are read here. */
  isTaken: boolean;
}

const CARRIED = 'meridianCarried';

/**
 * Repeating happens in `fetch`: an exchange cannot send an operation twice without passing all exchanges before it. A
 * mutation's key is derived from its instance, so that a retry exchange may be placed before or after.
 */
export function meridianExchange({ store, idempotencyKeys = false }: ClientOptions): Exchange {
  const keys = newKey();
  return mapExchange({
    onOperation(operation) {
      const { kind, context, query } = operation;
      if (kind === 'teardown') return operation;
      const carrier = store.carry({ kind, name: getOperationName(query) ?? null });
      const carried: CarriedOperation = { original: operation, carrier, isTaken: false };
      const key = idempotencyKeys && kind === 'mutation' ? `${keys}-${context._instance ?? newKey()}` : null;
      const onTaken = (): void => void (carried.isTaken = true);
      const carrying: typeof fetch = (input, init) =>
        send({ fetch: context.fetch ?? fetch, input, init, carrier, isGraphQL: true, key, onTaken });
      return makeOperation(kind, kind === 'subscription' ? withHeaders(operation, carrier) : operation, {
        ...context,
        ...methodOf(context),
        fetch: carrying,
        [CARRIED]: carried,
      });
    },
    onResult(result) {
      const carried = result.operation.context[CARRIED] as CarriedOperation | undefined;
      if (carried === undefined) return result;
      if (!carried.isTaken)
        carried.carrier.take({ result: { extensions: result.extensions, errors: result.error?.graphQLErrors } });
      return { ...result, operation: carried.original };
    },
  });
}

/** Over WebSocket an operation has no headers: the server takes them from its extensions. */
function withHeaders(operation: Operation, carrier: Carrier): Operation {
  return { ...operation, extensions: { ...operation.extensions, headers: carrier.headers() } };
}

/**
 * urql sends short queries by GET unless it is configured otherwise. Servers and gateways refuse a GET that a browser
 * could send without a preflight, and answers that depend on a token are useless to caches in between. An application
 * that configures GET gets GET.
 */
function methodOf({ preferGetMethod }: Operation['context']): Pick<Operation['context'], 'preferGetMethod'> {
  return preferGetMethod === undefined || preferGetMethod === 'within-url-limit'
    ? { preferGetMethod: false }
    : { preferGetMethod };
}
