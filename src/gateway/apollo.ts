/**
 * Owns Meridian's part in a gateway of `@apollo/gateway`: one consistency token for all fetches of one client
 * operation. That package has its own license, so the user passes its class in.
 */
import { type GraphQLDataSourceProcessOptions, type RemoteGraphQLDataSource } from '@apollo/gateway';
import {
  type ApolloServerPlugin,
  type BaseContext,
  type GraphQLRequestContext,
  type GraphQLRequestListener,
  type HeaderMap,
} from '@apollo/server';
import { parse } from 'graphql';
import { KEY_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';
import { looksUpEntities, mutatedBy, readOperation } from './client-operation.ts';
import { ClientExchange, FOR_ONE_CLIENT } from './exchange.ts';
import { type GatewayOperation, type SentFetch, type SubgraphFetch } from './operation.ts';
import { settingsOf, type GatewayOptions } from './options.ts';
import { firstError, withExtensions } from './plugin-error.ts';

export { type CookieOptions, type GatewayOptions } from './options.ts';

type DataSource = typeof RemoteGraphQLDataSource;

export interface ApolloGatewayOptions extends GatewayOptions {
  /** The class of `@apollo/gateway`, or the application's own class that extends it. */
  readonly RemoteGraphQLDataSource: DataSource;
}

export interface MeridianApollo {
  /** In `new ApolloServer({ gateway, plugins: [plugin] })`. */
  readonly plugin: ApolloServerPlugin<BaseContext>;
  /** In `new ApolloGateway({ buildService })`, unless you build services with `DataSource`. */
  readonly buildService: (definition: { readonly url?: string | undefined }) => RemoteGraphQLDataSource;
  /** The given class, with the headers added. Classes that extend it call `super` in the methods that they override. */
  readonly DataSource: DataSource;
}

/** Plugin and data sources of one gateway, which belong together. Throws `CONFIG_INVALID`. */
export function meridianApollo(options: ApolloGatewayOptions): MeridianApollo {
  const settings = settingsOf(options);
  const running = new WeakMap<object, GatewayOperation>();
  const Source = dataSourceClass(options.RemoteGraphQLDataSource, running);
  const byHead = new WeakMap<object, Answering>();
  /** By the headers object of the response, which all operations of a request share. */
  const answeringOf = ({ request, response: { http } }: GraphQLRequestContext<BaseContext>): Answering => {
    const known = byHead.get(http) ?? {
      exchange: new ClientExchange({ header: (name) => request.http?.headers.get(name), settings }),
      set: [],
    };
    byHead.set(http, known);
    return known;
  };
  const listener: GraphQLRequestListener<BaseContext> = {
    async didResolveOperation(context) {
      const { contextValue, document, operationName, request } = context;
      const asked = readOperation({ document, operationName, variables: request.variables ?? {} });
      if (asked !== null) running.set(contextValue, answeringOf(context).exchange.begin(asked));
    },
    async didEncounterErrors({ contextValue, errors }) {
      running.get(contextValue)?.failed(errors);
    },
    async willSendResponse(context) {
      const {
        contextValue,
        response: {
          http: { headers },
          body,
        },
      } = context;
      const answering = answeringOf(context);
      const {
        exchange: { token },
      } = answering;
      if (token !== null) headers.set(TOKEN_HEADER, token);
      setCookies(headers, answering);
      const report = running.get(contextValue)?.report ?? null;
      if (report !== null && body.kind === 'single')
        body.singleResult.extensions = { ...body.singleResult.extensions, consistency: report };
    },
  };
  return {
    plugin: { requestDidStart: async () => listener },
    DataSource: Source,
    buildService: ({ url }) => new Source(url === undefined ? {} : { url }),
  };
}

interface Answering {
  readonly exchange: ClientExchange;
  /** Cookies that are already set. */
  set: readonly string[];
}

/**
 * The operations of one request end one after the other, and each knows more than those before it. Cookies that the
 * application sets itself stay.
 */
function setCookies(headers: HeaderMap, answering: Answering): void {
  const {
    exchange: { cookies },
    set,
  } = answering;
  answering.set = cookies;
  if (cookies.length === 0 && set.length === 0) return;
  // Declared as one text, but Node also accepts a list.
  const before = [(headers.get('set-cookie') as string | readonly string[] | undefined) ?? []]
    .flat()
    .filter((value) => !set.includes(value));
  const [first, ...others] = [...before, ...cookies];
  if (first === undefined) headers.delete('set-cookie');
  else headers.set('set-cookie', (others.length === 0 ? first : [first, ...others]) as string);
  headers.set('cache-control', FOR_ONE_CLIENT);
}

function dataSourceClass(Base: DataSource, running: WeakMap<object, GatewayOperation>): DataSource {
  /** By the request's `http` object, which is the same from sending to answer. */
  const sentBy = new WeakMap<object, SentFetch>();

  return class MeridianDataSource<C extends Record<string, unknown>> extends Base<C> {
    override async willSendRequest(options: GraphQLDataSourceProcessOptions<C>): Promise<void> {
      await super.willSendRequest?.(options);
      const {
        context,
        request: { http, query },
      } = options;
      // The gateway also sends requests of its own, such as health checks.
      const operation = running.get(context);
      if (operation === undefined || http === undefined) return;
      const sent = withExtensions(() => operation.send(fetchOf(query)));
      sentBy.set(http, sent);
      // Passed headers that the application's own class has set stay.
      for (const [name, value] of Object.entries(sent.headers))
        if (isOurs(name) || !http.headers.has(name)) http.headers.set(name, value);
    }

    override async didReceiveResponse(received: Received<C>): Promise<Received<C>['response']> {
      const {
        context,
        request: { http },
        response,
      } = received;
      const operation = running.get(context);
      const sent = http && sentBy.get(http);
      if (operation !== undefined && sent !== undefined)
        withExtensions(() =>
          operation.answered(sent, {
            token: response.http?.headers.get(TOKEN_HEADER),
            extensions: response.extensions,
          }),
        );
      return (await super.didReceiveResponse?.(received)) ?? response;
    }

    /** Otherwise only "503: Service Unavailable" would be left of a subgraph's typed error. */
    override async errorFromResponse(
      ...given: Parameters<RemoteGraphQLDataSource['errorFromResponse']>
    ): ReturnType<RemoteGraphQLDataSource['errorFromResponse']> {
      const error = await super.errorFromResponse(...given);
      const first = firstError((error.extensions['response'] as { readonly body?: unknown } | undefined)?.body);
      if (first !== null) {
        error.message = first.message;
        Object.assign(error.extensions, first.extensions);
      }
      return error;
    }
  };
}

type Received<C extends Record<string, unknown>> = Parameters<
  NonNullable<RemoteGraphQLDataSource<C>['didReceiveResponse']>
>[0];

function isOurs(name: string): boolean {
  return name.startsWith('consistency-') || name === KEY_HEADER;
}

/**
 * The text that the gateway sends: it has the client's aliases, and looks up entities under `_entities`. Only mutations
 * are parsed, since most requests are reads.
 */
function fetchOf(query: string | undefined): SubgraphFetch {
  if (query === undefined || (!query.startsWith('mutation') && !query.includes('_entities')))
    return { mutates: null, entities: false };
  const document = parse(query, { noLocation: true });
  return { mutates: mutatedBy(document), entities: looksUpEntities(document) };
}
