/**
 * Proves that an existing database is answered as plain SQL answers it: every query of the music shop, every type,
 * compound keys and writes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

/** SQL that spells a moment as the schema promises: ISO 8601, a fraction without trailing zeros. */
const moment = (column: string, zone = ''): string =>
  `to_char(${column}${zone === '' ? '' : " AT TIME ZONE 'UTC'"}, 'YYYY-MM-DD"T"HH24:MI:SS') || rtrim(rtrim(to_char(${column}, '.US'), '0'), '.') || '${zone}'`;

const ARTIST = [
  '{ id name country genres }',
  "json_build_object('id', artist_id::text, 'name', name, 'country', country, 'genres', genres)",
] as const;
const ALBUM = [
  '{ id artistId title releaseDate barcode details }',
  "json_build_object('id', album_id::text, 'artistId', artist_id::text, 'title', title, 'releaseDate', release_date, 'barcode', barcode, 'details', details)",
] as const;
const FORMAT = "upper(replace(format::text, ' ', '_'))";
const TRACK = [
  '{ id name milliseconds bytes unitPrice format rating explicit playCount chartWeeks addedAt recordedAt airsAt sampleRate }',
  `json_build_object('id', track_id::text, 'name', name, 'milliseconds', milliseconds, 'bytes', bytes::text, 'unitPrice', unit_price::text, 'format', ${FORMAT}, 'rating', rating,
     'explicit', explicit, 'playCount', play_count::text, 'chartWeeks', chart_weeks, 'addedAt', ${moment('added_at', 'Z')}, 'recordedAt', ${moment('recorded_at')}, 'airsAt', airs_at, 'sampleRate', "sampleRate")`,
] as const;
const CUSTOMER = [
  '{ id email fullName preferences active revision }',
  "json_build_object('id', customer_id, 'email', email, 'fullName', full_name, 'preferences', preferences, 'active', active, 'revision', revision::text)",
] as const;
const INVOICE = [
  '{ id invoiceDate issuedAt total paid }',
  `json_build_object('id', invoice_id::text, 'invoiceDate', invoice_date, 'issuedAt', ${moment('issued_at', 'Z')}, 'total', total::text, 'paid', paid)`,
] as const;
const LINE = [
  '{ invoiceId lineNo quantity unitPrice amount }',
  "json_build_object('invoiceId', invoice_id::text, 'lineNo', line_no, 'quantity', quantity, 'unitPrice', unit_price::text, 'amount', amount::text)",
] as const;
const ENTRY = [
  '{ playlistId trackId position }',
  "json_build_object('playlistId', playlist_id::text, 'trackId', track_id::text, 'position', position)",
] as const;

const list = (object: string, from: string, order: string): string =>
  `SELECT coalesce(json_agg(${object} ORDER BY ${order}), '[]') FROM ${from}`;
const CUSTOMER_10 = 'c0000000-0000-4000-8000-000000000010';

/** Field of `Query` → a selection of it, and the SQL that gives the same as JSON. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['artist', `artist(id: 7) ${ARTIST[0]}`, `SELECT ${ARTIST[1]} FROM artist WHERE artist_id = 7`],
  [
    'artist',
    'artist(id: 8) { name albumCount albums { title } fans { email } }',
    "SELECT json_build_object('name', name, 'albumCount', (SELECT count(*) FROM album b WHERE b.artist_id = a.artist_id), 'albums', (SELECT json_agg(json_build_object('title', title) ORDER BY release_date, album_id) FROM album b WHERE b.artist_id = a.artist_id), 'fans', (SELECT json_agg(json_build_object('email', email) ORDER BY email) FROM sales.customer WHERE favorite = a.artist_id)) FROM artist a WHERE artist_id = 8",
  ],
  [
    'artistByName',
    `artistByName(name: "Ōsaka Drift") ${ARTIST[0]}`,
    `SELECT ${ARTIST[1]} FROM artist WHERE name = 'Ōsaka Drift'`,
  ],
  ['artists', `artists ${ARTIST[0]}`, list(ARTIST[1], 'artist', 'name')],
  [
    'artists',
    `artists(filter: { or: [{ genres: { hasAny: ["jazz"] } }, { country: ["JP", "BR"] }] }, orderBy: NAME_DESC, first: 7) ${ARTIST[0]}`,
    list(
      ARTIST[1],
      "(SELECT * FROM artist WHERE 'jazz' = ANY (genres) OR country IN ('JP', 'BR') ORDER BY name DESC LIMIT 7) t",
      'name DESC',
    ),
  ],
  ['album', `album(id: 10) ${ALBUM[0]}`, `SELECT ${ALBUM[1]} FROM album WHERE album_id = 10`],
  [
    'album',
    'album(id: 9) { longTracks artist { name } tracks(orderBy: LENGTH_DESC) { totalCount edges { node { name } } } }',
    "SELECT json_build_object('longTracks', (SELECT count(*) FROM track t WHERE t.album_id = b.album_id AND milliseconds > 300000), 'artist', (SELECT json_build_object('name', name) FROM artist a WHERE a.artist_id = b.artist_id), 'tracks', (SELECT json_build_object('totalCount', count(*), 'edges', json_agg(json_build_object('node', json_build_object('name', name)) ORDER BY milliseconds DESC, track_id DESC)) FROM track t WHERE t.album_id = b.album_id)) FROM album b WHERE album_id = 9",
  ],
  [
    'albumByTitle',
    `albumByTitle(artistId: 8, title: "Undertow 3") ${ALBUM[0]}`,
    `SELECT (SELECT ${ALBUM[1]} FROM album WHERE artist_id = 8 AND title = 'Undertow 3')`,
  ],
  [
    'albums',
    `albums(filter: { releaseDate: { gte: "2010-01-01", isNull: false }, barcode: { ne: "00000000-0000-4000-8000-00000004d2f3" } }, orderBy: [RELEASE_DATE_DESC, TITLE_ASC], first: 9) { totalCount nodes ${ALBUM[0]} }`,
    `SELECT json_build_object('totalCount', (SELECT count(*) FROM album WHERE release_date >= '2010-01-01' AND barcode <> '00000000-0000-4000-8000-00000004d2f3'), 'nodes', (${list(ALBUM[1], "(SELECT * FROM album WHERE release_date >= '2010-01-01' AND barcode <> '00000000-0000-4000-8000-00000004d2f3' ORDER BY release_date DESC, title, album_id LIMIT 9) t", 'release_date DESC, title, album_id')}))`,
  ],
  ['track', `track(id: 100) ${TRACK[0]}`, `SELECT ${TRACK[1]} FROM track WHERE track_id = 100`],
  [
    'track',
    'track(id: 25) { album { title } playlistEntries { position playlist { name parent { name } } } }',
    "SELECT json_build_object('album', NULL, 'playlistEntries', (SELECT coalesce(json_agg(json_build_object('position', position, 'playlist', json_build_object('name', p.name, 'parent', (SELECT json_build_object('name', name) FROM playlist q WHERE q.playlist_id = p.parent_id))) ORDER BY position, e.playlist_id), '[]') FROM playlist_track e JOIN playlist p USING (playlist_id) WHERE track_id = 25))",
  ],
  [
    'tracks',
    `tracks(first: 200) { edges { node ${TRACK[0]} } }`,
    `SELECT json_build_object('edges', (${list(`json_build_object('node', ${TRACK[1]})`, '(SELECT * FROM track ORDER BY track_id LIMIT 200) t', 'track_id')}))`,
  ],
  [
    'tracks',
    `tracks(last: 100) { edges { node ${TRACK[0]} } }`,
    `SELECT json_build_object('edges', (${list(`json_build_object('node', ${TRACK[1]})`, '(SELECT * FROM track ORDER BY track_id DESC LIMIT 100) t', 'track_id')}))`,
  ],
  [
    'tracks',
    `tracks(format: [WAV, VINYL_RIP], filter: { playCount: { gt: "9007199254740992" }, unitPrice: { in: ["1.24", "1.490", "1.74"] }, airsAt: { gte: "06:30" } }) { totalCount edges { node ${TRACK[0]} } }`,
    `SELECT json_build_object('totalCount', count(*), 'edges', coalesce(json_agg(json_build_object('node', ${TRACK[1]}) ORDER BY track_id), '[]')) FROM track WHERE format IN ('wav', 'vinyl rip') AND play_count > 9007199254740992 AND unit_price IN (1.24, 1.49, 1.74) AND airs_at >= '06:30'`,
  ],
  [
    'tracks',
    `tracks(filter: { addedAt: { lte: "2023-05-03T18:00:00.5+02:00" }, recordedAt: { gt: "2020-03-10T23:59:59.4" }, chartWeeks: { has: 26 }, rating: { lt: 4.5 }, not: { explicit: { eq: true } } }) { edges { node ${TRACK[0]} } }`,
    `SELECT json_build_object('edges', coalesce(json_agg(json_build_object('node', ${TRACK[1]}) ORDER BY track_id), '[]')) FROM track WHERE added_at <= '2023-05-03 16:00:00.5Z' AND recorded_at > '2020-03-10 23:59:59.4' AND 26 = ANY (chart_weeks) AND rating < 4.5 AND NOT explicit`,
  ],
  [
    'explicitTracks',
    `explicitTracks ${TRACK[0]}`,
    list(
      TRACK[1],
      '(SELECT * FROM track WHERE explicit ORDER BY play_count DESC, track_id LIMIT 5) t',
      'play_count DESC, track_id',
    ),
  ],
  [
    'trackCount',
    'trackCount(format: VINYL_RIP, filter: { name: { contains: "%" } })',
    "SELECT to_json(count(*)) FROM track WHERE format = 'vinyl rip' AND strpos(name, '%') > 0",
  ],
  ['trackCount', 'trackCount', 'SELECT to_json(count(*)) FROM track'],
  [
    'playlist',
    `playlist(id: 1) { name parent { name } children { id name } entries(first: 5) { totalCount edges { node ${ENTRY[0]} } } }`,
    `SELECT json_build_object('name', name, 'parent', NULL, 'children', (${list("json_build_object('id', playlist_id::text, 'name', name)", 'playlist WHERE parent_id = 1', 'playlist_id')}), 'entries', json_build_object('totalCount', (SELECT count(*) FROM playlist_track WHERE playlist_id = 1), 'edges', (${list(`json_build_object('node', ${ENTRY[1]})`, '(SELECT * FROM playlist_track WHERE playlist_id = 1 ORDER BY position LIMIT 5) t', 'position')}))) FROM playlist WHERE playlist_id = 1`,
  ],
  [
    'playlistEntry',
    'playlistEntry(playlistId: 1, trackId: 31) { playlistId trackId position track { name } }',
    "SELECT (SELECT json_build_object('playlistId', e.playlist_id::text, 'trackId', e.track_id::text, 'position', e.position, 'track', json_build_object('name', t.name)) FROM playlist_track e JOIN track t USING (track_id) WHERE playlist_id = 1 AND track_id = 31)",
  ],
  [
    'customer',
    `customer(id: "${CUSTOMER_10.toUpperCase()}") { ${CUSTOMER[0].slice(2, -2)} favorite { name } disliked { name } invoices(paid: true, first: 3) { totalCount edges { node ${INVOICE[0]} } } }`,
    `SELECT (${CUSTOMER[1]})::jsonb || jsonb_build_object('favorite', (SELECT json_build_object('name', name) FROM artist WHERE artist_id = favorite), 'disliked', (SELECT json_build_object('name', name) FROM artist WHERE artist_id = disliked),
       'invoices', json_build_object('totalCount', (SELECT count(*) FROM sales.invoice i WHERE i.customer_id = c.customer_id AND paid), 'edges', (${list(`json_build_object('node', ${INVOICE[1]})`, '(SELECT * FROM sales.invoice i WHERE i.customer_id = c.customer_id AND paid ORDER BY invoice_date DESC LIMIT 3) t', 'invoice_date DESC')}))) FROM sales.customer c WHERE customer_id = '${CUSTOMER_10}'`,
  ],
  [
    'customerByEmail',
    `customerByEmail(email: "customer12@music.example") ${CUSTOMER[0]}`,
    `SELECT ${CUSTOMER[1]} FROM sales.customer WHERE email = 'customer12@music.example'`,
  ],
  [
    'invoice',
    `invoice(id: 20) { ${INVOICE[0].slice(2, -2)} customer { email } lines { ${LINE[0].slice(2, -2)} track { name } refund { id reason } } }`,
    `SELECT (${INVOICE[1]})::jsonb || jsonb_build_object('customer', (SELECT json_build_object('email', email) FROM sales.customer c WHERE c.customer_id = i.customer_id),
       'lines', (SELECT jsonb_agg((${LINE[1]})::jsonb || jsonb_build_object('track', (SELECT json_build_object('name', name) FROM track t WHERE t.track_id = l.track_id), 'refund', (SELECT json_build_object('id', refund_id::text, 'reason', reason) FROM sales.refund r WHERE (r.invoice_id, r.line_no) = (l.invoice_id, l.line_no))) ORDER BY line_no) FROM sales.invoice_line l WHERE l.invoice_id = i.invoice_id)) FROM sales.invoice i WHERE invoice_id = 20`,
  ],
  [
    'invoices',
    `invoices(filter: { total: { gte: "5.00", lt: "9.99" }, paid: false }, orderBy: TOTAL_DESC, first: 50) { edges { node ${INVOICE[0]} } }`,
    `SELECT json_build_object('edges', coalesce(json_agg(json_build_object('node', ${INVOICE[1]}) ORDER BY total DESC, invoice_id DESC), '[]')) FROM sales.invoice WHERE total >= 5 AND total < 9.99 AND NOT paid`,
  ],
  [
    'invoiceLine',
    `invoiceLine(invoiceId: 10, lineNo: 1) { ${LINE[0].slice(2, -2)} refund { reason line { lineNo } } }`,
    `SELECT (${LINE[1]})::jsonb || jsonb_build_object('refund', (SELECT json_build_object('reason', reason, 'line', json_build_object('lineNo', line_no)) FROM sales.refund r WHERE (r.invoice_id, r.line_no) = (10, 1))) FROM sales.invoice_line WHERE (invoice_id, line_no) = (10, 1)`,
  ],
  ['unpaidTotal', 'unpaidTotal', 'SELECT to_json(count(*)) FROM sales.invoice WHERE NOT paid'],
  [
    'topArtists',
    'topArtists(first: 6) { artistId name revenue sold }',
    list(
      "json_build_object('artistId', artist_id::text, 'name', name, 'revenue', revenue::text, 'sold', sold::text)",
      '(SELECT * FROM sales.artist_revenue ORDER BY revenue DESC, artist_id LIMIT 6) t',
      'revenue DESC, artist_id',
    ),
  ],
];

describe('the music shop', () => {
  let app: TestApp;
  before(async () => {
    // What servers are asked is the question here, and caches would answer for them.
    app = await startTestApp({ application: 'music', settings: { cache: false } });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const asked = async <D>(query: string, call?: Call, region: string = AP): Promise<Answer<D> & { data: D }> => {
    const answer = await app.gql<D>(region, query, call);
    assert.deepEqual([answer.status, answer.errors], [200, []], query);
    return answer as Answer<D> & { data: D };
  };
  const sql = async (text: string): Promise<unknown> => Object.values((await app.cluster.query(US, text))[0] ?? {})[0];

  for (const [field, selection, plain] of CASES) {
    it(`answers ${selection.replaceAll(/\s+/g, ' ').slice(0, 70)}`, async () => {
      const expected = await sql(plain);
      const { data } = await asked<Record<string, unknown>>(`{ ${selection} }`);
      assert.deepEqual(data[field], expected);
      assert.doesNotMatch(
        JSON.stringify(expected),
        /^(null|0|\[\])$|"(edges|nodes)":\[\]/,
        'nothing is compared with nothing',
      );
    });
  }

  it('compares every query of its schema with plain SQL', async () => {
    const { data } = await asked<{ __schema: { queryType: { fields: readonly { name: string }[] } } }>(
      '{ __schema { queryType { fields { name } } } }',
    );
    const own = data.__schema.queryType.fields
      .map(({ name }) => name)
      .filter((name) => !['_entities', '_service', 'regionHealth', 'conflicts'].includes(name));
    assert.deepEqual([...new Set(CASES.map(([field]) => field))].sort(), own.sort());
  });

  it('finds entities by compound keys, with one statement for each key', async () => {
    const representations = [
      ...Array.from({ length: 40 }, (_, i) => ({ __typename: 'InvoiceLine', invoiceId: String(i + 1), lineNo: 1 })),
      { __typename: 'InvoiceLine', invoiceId: '1', lineNo: 99 },
      { __typename: 'PlaylistEntry', playlistId: 1, trackId: '31' },
      { __typename: 'Album', artistId: 8, title: 'Undertow' },
      { __typename: 'Album', id: '1' },
      { __typename: 'Artist', name: 'Tundra' },
    ];
    const { value, statements } = await counting(app, AP, () =>
      asked<{ _entities: readonly unknown[] }>(
        'query($r: [_Any!]!) { _entities(representations: $r) { ... on InvoiceLine { invoiceId lineNo amount } ... on PlaylistEntry { playlistId trackId } ... on Album { id title } ... on Artist { id } } }',
        { variables: { r: representations } },
      ),
    );
    const lines = (await sql(
      "SELECT json_agg(json_build_object('invoiceId', invoice_id::text, 'lineNo', line_no, 'amount', amount::text) ORDER BY invoice_id) FROM sales.invoice_line WHERE invoice_id <= 40 AND line_no = 1",
    )) as unknown[];
    assert.equal(lines.length, 40);
    const entry = await sql(
      "SELECT (SELECT json_build_object('playlistId', playlist_id::text, 'trackId', track_id::text) FROM playlist_track WHERE (playlist_id, track_id) = (1, 31))",
    );
    const album = await sql(
      "SELECT (SELECT json_build_object('id', album_id::text, 'title', title) FROM album WHERE artist_id = 8 AND title = 'Undertow')",
    );
    const first = await sql(
      "SELECT json_build_object('id', album_id::text, 'title', title) FROM album WHERE album_id = 1",
    );
    assert.deepEqual(value.data._entities, [...lines, null, entry, album, first, { id: '19' }]);
    assert.equal(statements, 5, 'lines, entries, artists, and albums by each of their keys');
  });

  it('stores values of every type exactly, and returns them in another region', async () => {
    const input = {
      albumId: '3',
      name: 'O\'Brien "live" \\ 100%',
      milliseconds: 2_147_483_647,
      bytes: '9223372036854775807',
      unitPrice: '12345678.90',
      format: 'VINYL_RIP',
      rating: 0.1,
      explicit: true,
      playCount: '-9007199254740993',
      chartWeeks: [-1, 0, 2_147_483_647],
      recordedAt: '2024-02-29T23:59:59.999999',
      airsAt: '23:59:59.5',
      sampleRate: 192_000,
    };
    const added = await asked<{ addTrack: { track: Record<string, unknown> & { id: string } } }>(
      `mutation($input: TrackInput!) { addTrack(input: $input) { track { ${TRACK[0].slice(2, -2)} album { id } } } }`,
      { variables: { input } },
    );
    const { id, addedAt, album, ...written } = added.data.addTrack.track;
    const { albumId, ...given } = input;
    assert.deepEqual({ ...written, albumId: (album as { id: string }).id }, { ...given, albumId });
    const { data } = await asked<{ track: unknown }>(
      `query($id: ID!) { track(id: $id) ${TRACK[0]} }`,
      { variables: { id }, token: added.token },
      EU,
    );
    assert.deepEqual(data.track, { id, addedAt, ...written });
    assert.deepEqual(data.track, await sql(`SELECT ${TRACK[1]} FROM track WHERE track_id = ${id}`));

    const changed = await asked<{ updateTrack: { track: unknown } }>(
      'mutation($id: ID!, $input: TrackChange!) { updateTrack(id: $id, input: $input) { track { name unitPrice format rating chartWeeks playCount } } }',
      {
        variables: {
          id,
          input: { rating: null, chartWeeks: [], format: 'WAV', unitPrice: 3, playCount: '9007199254740993' },
        },
      },
    );
    assert.deepEqual(changed.data.updateTrack.track, {
      name: input.name,
      unitPrice: '3.00',
      format: 'WAV',
      rating: null,
      chartWeeks: [],
      playCount: '9007199254740993',
    });
  });

  it('writes rows with compound keys, and names the constraint that refuses a write', async () => {
    const line = async (mutation: string): Promise<unknown> =>
      Object.values(
        (await asked<Record<string, { line: unknown }>>(`mutation { ${mutation} { line ${LINE[0]} } }`)).data,
      )[0]?.line;
    assert.deepEqual(
      await line('addInvoiceLine(input: { invoiceId: 5, lineNo: 70, trackId: 9, quantity: 3, unitPrice: "1.05" })'),
      { invoiceId: '5', lineNo: 70, quantity: 3, unitPrice: '1.05', amount: '3.15' },
    );
    assert.deepEqual(await line('changeInvoiceLine(invoiceId: 5, lineNo: 70, input: { quantity: 4 })'), {
      invoiceId: '5',
      lineNo: 70,
      quantity: 4,
      unitPrice: '1.05',
      amount: '4.20',
    });
    const refused = async (mutation: string): Promise<readonly unknown[]> => {
      const { errors, data } = await app.gql(AP, `mutation { ${mutation} { token } }`);
      assert.equal(data, null);
      return [errors[0]?.extensions.code, errors[0]?.message];
    };
    assert.deepEqual(await refused('addInvoiceLine(input: { invoiceId: 5, lineNo: 70, trackId: 9, unitPrice: "1" })'), [
      'CONSTRAINT_VIOLATION',
      'A row with this key exists already (invoice_id, line_no).',
    ]);
    assert.equal(
      (await refused('changeInvoiceLine(invoiceId: 5, lineNo: 70, input: { unitPrice: "-1" })'))[0],
      'CONSTRAINT_VIOLATION',
    );
    assert.equal(
      (await refused('changeInvoiceLine(invoiceId: 5, lineNo: 71, input: { quantity: 1 })'))[0],
      'NOT_FOUND',
    );
    assert.equal(
      (await refused('changeInvoiceLine(invoiceId: 5, lineNo: 70, input: { quantity: 40000 })'))[0],
      'BAD_USER_INPUT',
    );
    assert.deepEqual(await line('removeInvoiceLine(invoiceId: 5, lineNo: 70)'), {
      invoiceId: '5',
      lineNo: 70,
      quantity: 4,
      unitPrice: '1.05',
      amount: '4.20',
    });
    assert.equal(await sql('SELECT count(*)::int FROM sales.invoice_line WHERE invoice_id = 5 AND line_no = 70'), 0);
  });

  it('finds the row to change by any unique key, and increments its version', async () => {
    const preferences = { volume: 11, tags: ['a', null, { deep: [1.5, true] }], ключ: '"' };
    const { data } = await asked<{
      updateCustomer: { customer: { preferences: unknown; revision: string; active: boolean } };
    }>(
      'mutation($p: JSON) { updateCustomer(email: "customer9@music.example", input: { preferences: $p, active: false }) { customer { preferences revision active } } }',
      { variables: { p: preferences } },
    );
    assert.deepEqual(data.updateCustomer.customer, { preferences, revision: '2', active: false });
    const artist = await asked<{ addArtist: { artist: { id: string } } }>(
      'mutation { addArtist(name: "Newcomer", genres: ["post-rock", "a,b", "\\"q\\""]) { artist { id genres country } } }',
    );
    assert.deepEqual(artist.data.addArtist.artist, { id: '21', genres: ['post-rock', 'a,b', '"q"'], country: null });
    assert.deepEqual(
      (await asked(`mutation { renameArtist(id: 21, name: "Renamed") { artist { name genres } } }`)).data,
      { renameArtist: { artist: { name: 'Renamed', genres: ['post-rock', 'a,b', '"q"'] } } },
    );
  });
});
