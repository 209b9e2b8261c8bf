/** Owns the input and the findings of a check. */
import { type Options } from '../../config/options.ts';
import { type Durability, type Table } from '../../model/model.ts';
import { type KeptTable } from '../setup/metadata.ts';
import { type ServerFacts } from './facts.ts';

export interface DatabaseTarget {
  readonly regions: readonly { readonly name: string; readonly databaseUrl: string }[];
  /** Tables that the schema maps. */
  readonly tables: readonly Table[];
  /** The mapped tables whose older versions are kept, for policies that compare with them. */
  readonly kept?: readonly KeptTable[];
  /** Durability levels that mutations of the schema ask for. */
  readonly durabilities?: ReadonlySet<Durability>;
  readonly options: Pick<Options, 'slotName' | 'publication' | 'connectMs' | 'statementMs' | 'slotCreateMs'> &
    Partial<Pick<Options, 'viewerSettings' | 'durability'>>;
}

export interface Finding {
  readonly region: string;
  readonly severity: 'ok' | 'warn' | 'error';
  readonly what: string;
  /** How to fix it; null if there is nothing to do. */
  readonly fix: string | null;
}

export interface Checked {
  readonly region: string;
  readonly facts: ServerFacts;
}

export type Say = (severity: Finding['severity'], what: string, fix?: string) => void;

/** `public.tasks, public.users`. */
export function namesOf(list: readonly Table[]): string {
  return list.map(({ schema, name }) => `${schema}.${name}`).join(', ');
}
