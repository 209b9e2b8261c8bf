/** Owns tokens in urql: an exchange that stands before `fetchExchange`. */
import { getOperationName, makeOperation, mapExchange, type Exchange, type Operation } from '@urql/core';
import { type Carrier } from './carrier.ts';
import { send, type ClientOptions } from './fetch.ts';
import { newKey } from './idempotency.ts';

/** What lies in the context of an operation on its way through the network. */
interface CarriedOperation {
  readonly original: Operation;
  readonly carrier: Carrier;
  /** Whether its answer was looked at below. What comes in parts, or by another transport, is looked at here. */
  isTaken: boolean;
}

const CARRIED = 'meridianCarried';

/**
 * Sending again happens below, in `fetch`: an exchange has no way to ask twice without asking every exchange above it.
 * A mutation's key is made of its instance, so that a retry exchange may stand on either side.
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
      return makeOperation(kind, operation, { ...context, ...methodOf(context), fetch: carrying, [CARRIED]: carried });
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

/**
 * urql sends short queries by GET unless it is told otherwise. Servers and gateways refuse a GET that a browser would
 * send unasked, and what depends on a token is nothing for caches in between. An application that asks for GET has its
 * will.
 */
function methodOf({ preferGetMethod }: Operation['context']): Pick<Operation['context'], 'preferGetMethod'> {
  return preferGetMethod === undefined || preferGetMethod === 'within-url-limit'
    ? { preferGetMethod: false }
    : { preferGetMethod };
}
