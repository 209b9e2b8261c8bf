/** Owns the effect of tenants on foreign keys: which foreign keys refer to rows that belong to tenants. */
import { tableKey } from '../model/catalog.ts';
import { type TenantReference } from '../model/model.ts';
import { comparisonsOf } from './comparing.ts';
import { type Compilation, type Draft } from './context.ts';

/** The foreign keys of a table to tables whose entities separate tenants; one for each tenant column. */
export function tenantReferences({ drafts, catalog }: Compilation, { table }: Draft): readonly TenantReference[] {
  return table.foreignKeys.flatMap((key) => {
    const targets = [...drafts.values()].filter((draft) => tableKey(draft.table) === tableKey(key.toTable));
    const tenants = new Set(targets.flatMap(({ tenant }) => (tenant === null ? [] : [tenant])));
    return [...tenants].flatMap((tenant): readonly TenantReference[] => {
      const tenantType = targets[0]?.table.columns.get(tenant)?.type;
      if (!tenantType || !targets[0]) return [];
      // The database can compare what a foreign key compares; comparisons that depend on the time zone are left to the
      // foreign key itself.
      const found = comparisonsOf(
        catalog,
        { from: table, to: targets[0].table },
        { from: key.columns, to: key.toColumns },
      );
      const comparisons =
        'problem' in found || found.comparisons === undefined ? {} : { comparisons: found.comparisons };
      return [
        {
          constraint: key.name,
          columns: key.columns,
          table: key.toTable,
          toColumns: key.toColumns,
          tenant,
          tenantType,
          ...comparisons,
        },
      ];
    });
  });
}
