/** Owns the connection object that a resolver returns: pages and totals are read only if they are selected. */
import { type ConnectionField, type Row } from '../model/model.ts';
import { type EntityLoaders, type Page } from '../read/loaders/entity-loaders.ts';
import { type ParentValues } from '../read/loaders/preparations.ts';

export interface ConnectionInput {
  readonly loaders: EntityLoaders;
  readonly field: ConnectionField;
  readonly parent: ParentValues;
  readonly args: Readonly<Record<string, unknown>>;
}

/** graphql-js calls only the functions of selected fields: `{ totalCount }` alone reads no page. */
export interface ConnectionObject {
  edges(): Promise<Page['edges']>;
  nodes(): Promise<readonly Row[]>;
  pageInfo(): Promise<Page['pageInfo']>;
  totalCount(): Promise<number>;
}

export function connectionObject({ loaders, field, parent, args }: ConnectionInput): ConnectionObject {
  let page: Promise<Page> | null = null;
  const read = (): Promise<Page> => (page ??= loaders.page(field, parent, args));
  return {
    edges: async () => (await read()).edges,
    nodes: async () => (await read()).nodes,
    pageInfo: async () => (await read()).pageInfo,
    totalCount: () => loaders.totalCount(field, parent, args),
  };
}
