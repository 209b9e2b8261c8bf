/**
 * Owns rows as caches keep them, under the tags and variants that loaders give them, for benches that fill a cache by
 * themselves.
 */
import { type ClusterId } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { type FillItem } from '../../src/cache/ports.ts';
import { tableTag, tagOf } from '../../src/change/tags.ts';
import { type Entity } from '../../src/model/model.ts';
import { variants } from '../../src/read/loaders/through-cache.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';

export interface Stored {
  readonly id: string;
  readonly body: string;
}

/** A position like any other. */
export const AT = { cluster: 'AbCd_-12' as ClusterId, timeline: 1, lsn: toLsn(0x1_6b37_4d84n) };
const HOUR_MS = 3_600_000;

export function itemOf(entity: Entity, { id, body }: Stored): FillItem {
  const variantsOfRows = variants({
    kind: 'row',
    entity,
    scope: { tenancy: Tenancy.all, settingsKey: '' },
    content: () => null,
    owner: entity,
    name: '',
  });
  return {
    key: { tags: [tagOf(tableTag(entity.table), ['id'], [id])], variant: variantsOfRows.of([id]) },
    entry: { asOf: AT.lsn, seen: AT, expiresAtMs: Date.now() + HOUR_MS, body },
    maxVariants: 64,
  };
}
