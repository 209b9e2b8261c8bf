-- A few hundred rows, the same on every machine: every value follows from its row's number.

INSERT INTO artist (artist_id, name, country, genres)
SELECT i, (ARRAY['The Paper Lanterns', 'Mira Sol', 'Kwame & the Tides', 'Nordlys', 'Quartet 9', 'Ōsaka Drift', 'Velvet Compass', 'Luz Verde', 'Static Gardens', 'Anaïs Morel',
                 'Iron Meridian', 'Baltic Choir', 'DJ Halcyon', 'The Understudies', 'Rosa Negra', 'Glass Harbour', 'Sun Ra Jr.', 'Echo & Ember', 'Tundra', 'Les Voisins'])[i],
       CASE WHEN i % 7 <> 0 THEN (ARRAY['US', 'BR', 'GH', 'NO', 'DE', 'JP', 'GB', 'MX', 'SE', 'FR'])[1 + i % 10] END,
       CASE i % 4 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['indie'] WHEN 2 THEN ARRAY['electronic', 'ambient'] ELSE ARRAY['jazz', 'soul', 'live'] END
FROM generate_series(1, 20) AS i;

INSERT INTO album (album_id, artist_id, title, release_date, barcode, details)
SELECT i, 1 + (i * 7) % 20,
       (ARRAY['First Light', 'Undertow', 'Paper Moons', 'Northern Rooms', 'Salt', 'Long Way Down', 'Static', 'Every Other Sunday', 'Maps', 'Aftersong'])[1 + i % 10] || CASE WHEN i > 10 THEN ' ' || (i / 10 + 1) ELSE '' END,
       CASE WHEN i % 9 <> 0 THEN date '1994-03-01' + i * 181 END,
       format('00000000-0000-4000-8000-%s', lpad(to_hex(i * 7919), 12, '0'))::uuid,
       jsonb_build_object('label', (ARRAY['Harbor', 'Lumen', 'Own'])[1 + i % 3], 'discs', 1 + i % 2, 'remastered', i % 5 = 0, 'credits', jsonb_build_array('producer ' || i % 6, NULL))
FROM generate_series(1, 50) AS i;

INSERT INTO track (track_id, album_id, name, milliseconds, bytes, unit_price, format, rating, explicit, play_count, chart_weeks, added_at, recorded_at, airs_at, "sampleRate")
SELECT i, CASE WHEN i % 25 <> 0 THEN 1 + (i - 1) / 6 END,
       (ARRAY['Open Window', 'Slow Train', 'Half Past', 'Ember', 'Glass', 'Letters', 'Low Tide', 'Parallel', 'Sparrow', 'Night Bus', 'Tomorrow''s News', '100% Sure', 'Under_score', 'Café'])[1 + (i * 5) % 14] || ' ' || i,
       120000 + (i * 7477) % 300000, 3000000000 + i::bigint * 123457, 0.99 + (i % 4) * 0.25, (ARRAY['mp3', 'flac', 'wav', 'vinyl rip']::media_format[])[1 + i % 4],
       CASE WHEN i % 6 <> 0 THEN (i % 50) / 10.0 END, i % 11 = 0, CASE WHEN i % 50 = 0 THEN 9007199254740993 + i ELSE i * 1000 END,
       CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY[i, i + 1] END,
       timestamptz '2023-05-01 12:00:00.123456+00' + i * interval '37 minutes 1.000001 seconds', CASE WHEN i % 2 = 0 THEN timestamp '2020-02-29 23:59:59.5' + i * interval '1 day' END,
       CASE WHEN i % 5 = 0 THEN time '06:30' + i * interval '1 minute' END, CASE WHEN i % 3 = 0 THEN 44100 END
FROM generate_series(1, 300) AS i;

INSERT INTO playlist (playlist_id, name, parent_id)
SELECT i, (ARRAY['Everything', 'Morning', 'Focus', 'Weekend', 'Dinner', 'Running', 'Rainy days', 'Road trip'])[i], CASE WHEN i > 1 THEN 1 + i % 2 * ((i - 1) / 3) END
FROM generate_series(1, 8) AS i;

INSERT INTO playlist_track (playlist_id, track_id, position)
SELECT p, t, row_number() OVER (PARTITION BY p ORDER BY t * 31 % 97, t) FROM generate_series(1, 8) AS p, generate_series(1, 300) AS t WHERE (t * 13 + p * 17) % 12 = 0;

INSERT INTO sales.customer (customer_id, email, full_name, favorite, disliked, preferences, active)
SELECT format('c0000000-0000-4000-8000-%s', lpad(i::text, 12, '0'))::uuid, 'customer' || i || '@music.example', (ARRAY['Ann', 'Bo', 'Cy', 'Dee', 'Eli'])[1 + i % 5] || ' ' || (ARRAY['Moss', 'Nye', 'Oak', 'Pike'])[1 + i % 4],
       CASE WHEN i % 4 <> 0 THEN 1 + i % 20 END, CASE WHEN i % 5 = 0 THEN 1 + (i * 3) % 20 END, CASE WHEN i % 3 <> 0 THEN json_build_object('newsletter', i % 2 = 0, 'volume', i % 11) END, i % 8 <> 0
FROM generate_series(1, 40) AS i;

INSERT INTO sales.invoice (customer_id, invoice_date, issued_at, paid)
SELECT format('c0000000-0000-4000-8000-%s', lpad((1 + (i * i) % 40)::text, 12, '0'))::uuid, date '2024-01-01' + i * 3, timestamptz '2024-01-01 08:00+00' + i * interval '72 hours 5 minutes', i % 6 <> 0
FROM generate_series(1, 120) AS i;

INSERT INTO sales.invoice_line (invoice_id, line_no, track_id, quantity, unit_price)
SELECT i, n, t.track_id, 1 + (i + n) % 3, t.unit_price
FROM generate_series(1, 120) AS i, generate_series(1, 1 + i % 4) AS n JOIN track AS t ON true WHERE t.track_id = 1 + (i * 17 + n * 29) % 300;

UPDATE sales.invoice AS v SET total = (SELECT sum(amount) FROM sales.invoice_line AS l WHERE l.invoice_id = v.invoice_id);

INSERT INTO sales.refund (invoice_id, line_no, reason)
SELECT invoice_id, line_no, CASE WHEN invoice_id % 2 = 0 THEN 'skips at the end' END FROM sales.invoice_line WHERE invoice_id % 10 = 0 AND line_no = 1 ORDER BY invoice_id;

SELECT setval(pg_get_serial_sequence('artist', 'artist_id'), 20), setval(pg_get_serial_sequence('album', 'album_id'), 50),
       setval(pg_get_serial_sequence('track', 'track_id'), 300), setval(pg_get_serial_sequence('playlist', 'playlist_id'), 8);

ANALYZE;
