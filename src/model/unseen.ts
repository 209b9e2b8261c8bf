/** Owns which tables have changes that the tail does not see: cached reads of such tables could become stale. */
import { type Catalog, type CatalogTable } from './catalog.ts';

/** Why changes of the table's rows may not arrive, as a clause whose subject is "it"; null if every change arrives. */
export function whyUnseen(catalog: Catalog, table: CatalogTable): string | null {
  return byNature(table) ?? byPublication(catalog, table);
}

function byNature({ relation, isLogged, isInherited }: CatalogTable): string | null {
  switch (relation) {
    case 'view':
      return 'it is a view, whose rows change when those under it do';
    case 'materialized':
      return 'it is a materialized view, whose refreshing the WAL does not tell';
    case 'foreign':
      return 'it is a foreign table, whose rows change elsewhere';
    case 'partitioned':
      // Published under the root's name, a TRUNCATE of a single partition is left out; published under the partitions'
      // names, the changes do not name the root.
      return 'it is partitioned, and a publication does not tell when one of its partitions is truncated';
    case 'table':
      break;
  }
  if (!isLogged) return 'it is unlogged or temporary, so that its changes are not in the WAL';
  return isInherited
    ? 'other tables inherit from it, whose rows it shows and which change under names of their own'
    : null;
}

function byPublication({ publication }: Catalog, { publishing }: CatalogTable): string | null {
  if (publication === null) return 'no publication was named that would tell its changes';
  if (!publication.exists) return `there is no publication ${publication.name}; meridian setup creates it`;
  if (publishing === null) return `the publication ${publication.name} does not have it; meridian setup adds it`;
  if (publishing.omits.length > 0)
    return `the publication ${publication.name} leaves out ${publishing.omits.join(', ')}; meridian setup completes it`;
  return publishing.filtered
    ? `the publication ${publication.name} shows only some of its rows or columns; take the filter away`
    : null;
}
