-- The same rows as in the application's one database (../../002_data.sql), for the same `meridian.scale`; 1 is 50 organizations
-- and 2,000 users. What makes them is copied from there, and a test compares the rows.

-- A whole number from 0 to sides - 1 that looks random but follows from (seed, salt) alone: two rounds of a
-- multiply-and-shift hash kept within 63 bits.
CREATE FUNCTION pg_temp.dice(seed bigint, salt bigint, sides bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE x bigint := (seed * 1540483477 + salt * 668265263 + 374761393) & 4294967295;
BEGIN
  x := ((x # (x >> 15)) * 1540483477) & 4294967295;
  x := ((x # (x >> 13)) * 1103515245) & 4294967295;
  RETURN ((x # (x >> 16)) * sides) >> 32;
END $$;

-- Like dice, but low numbers come up far more often (the product of two even throws).
CREATE FUNCTION pg_temp.skewed(seed bigint, salt bigint, sides bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (pg_temp.dice(seed, salt, 65536) * pg_temp.dice(seed, salt + 1, 65536) * sides) >> 32
$$;

CREATE FUNCTION pg_temp.pick(seed bigint, salt bigint, words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT words[1 + pg_temp.dice(seed, salt, cardinality(words))]
$$;

CREATE TEMP TABLE amount AS
SELECT greatest(1, round(50 * scale))::bigint AS organizations,
       greatest(1, round(2000 * scale))::bigint AS users
FROM (SELECT coalesce(nullif(current_setting('meridian.scale', true), ''), '1')::numeric AS scale) AS setting;

INSERT INTO organizations (id, name, slug, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT i, name, trim(BOTH '-' FROM regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')) || CASE WHEN i > 400 THEN '-' || i ELSE '' END,
       created_at, created_at
FROM (
  SELECT i,
         -- 20 × 20 names without repetition, then round again.
         (ARRAY['Northwind', 'Blue Harbor', 'Granite', 'Silverline', 'Juniper', 'Lantern', 'Meadow', 'Copper Hill', 'Brightwater', 'Falcon',
                'Orchard', 'Summit', 'Driftwood', 'Beacon', 'Redwood', 'Clearview', 'Ironbridge', 'Willow', 'Cascade', 'Polaris'])[1 + (i - 1) % 20]
         || ' ' ||
         (ARRAY['Logistics', 'Health', 'Labs', 'Analytics', 'Robotics', 'Energy', 'Foods', 'Media', 'Studios', 'Freight',
                'Insurance', 'Travel', 'Security', 'Learning', 'Retail', 'Biotech', 'Networks', 'Mobility', 'Payments', 'Systems'])[1 + ((i - 1) / 20 + 7 * (i - 1)) % 20] AS name,
         timestamptz '2022-01-03 09:00:00+00' + i * interval '9 hours' + pg_temp.dice(i, 1, 28800) * interval '1 second' AS created_at
  FROM amount, generate_series(1, organizations) AS i
) AS made;

-- Every organization has at least one user; the others crowd into the large ones.
INSERT INTO users (id, organization_id, name, email, bio, created_at, updated_at) OVERRIDING SYSTEM VALUE
SELECT i, organization_id, first || ' ' || last,
       regexp_replace(translate(lower(first || '.' || last), 'áéíóöüçøñşıšž', 'aeioouconsisz'), '[^a-z.]', '', 'g') || '.' || i || '@' || slug || '.example',
       bio, made_at, made_at
FROM (
  SELECT i,
         CASE WHEN i <= organizations THEN i ELSE 1 + pg_temp.skewed(i, 11, organizations) END AS organization_id,
         pg_temp.pick(i, 21, ARRAY['Ada', 'Amara', 'Anders', 'Aiko', 'Beatriz', 'Bilal', 'Carmen', 'Chen', 'Chloé', 'Daniel', 'Diego', 'Elif', 'Emma', 'Farah',
           'Felix', 'Grace', 'Hana', 'Hugo', 'Ines', 'Ivan', 'Jonas', 'Kaito', 'Kavya', 'Leila', 'Liam', 'Lucía', 'Maja', 'Mateo', 'Mei', 'Nadia', 'Noah',
           'Olga', 'Omar', 'Priya', 'Rafael', 'Ravi', 'Sakura', 'Sofia', 'Søren', 'Tariq', 'Thandi', 'Tomás', 'Yara', 'Yuki', 'Zofia', 'Zoë']) AS first,
         pg_temp.pick(i, 22, ARRAY['Andersen', 'Banerjee', 'Bauer', 'Brown', 'Castro', 'Costa', 'Dubois', 'Eriksson', 'Fischer', 'García', 'Haddad', 'Ito', 'Jansen',
           'Kaya', 'Kim', 'Kowalska', 'Larsen', 'Lopez', 'Mbeki', 'Meyer', 'Moreau', 'Nakamura', 'Novák', 'Okafor', 'Öztürk', 'Patel', 'Pereira', 'Petrov',
           'Rossi', 'Santos', 'Schmidt', 'Silva', 'Singh', 'Suzuki', 'Tanaka', 'Torres', 'Usman', 'Wang', 'Weber', 'Williams', 'Yılmaz', 'Zhang']) AS last,
         CASE WHEN pg_temp.dice(i, 23, 10) < 6 THEN
           pg_temp.pick(i, 24, ARRAY['Product designer', 'Backend engineer', 'Frontend engineer', 'Data analyst', 'Team lead', 'Site reliability engineer',
             'Customer success manager', 'QA engineer', 'Technical writer', 'Head of operations', 'Mobile developer', 'Security engineer'])
           || pg_temp.pick(i, 25, ARRAY[' who likes short meetings.', '; remote from Lisbon.', ' and weekend cyclist.', '. Ask me about migrations.', ' with a soft spot for maps.',
             '. Previously in logistics.', ', parent of two.', '. Coffee before stand-up, please.', ' in the Nairobi office.', '. Reads every changelog.'])
         END AS bio,
         timestamptz '2022-06-01 08:00:00+00' + (i * 480 * 86400 / users + pg_temp.dice(i, 26, 7200)) * interval '1 second' AS made_at
  FROM amount, generate_series(1, users) AS i
) AS made
JOIN (SELECT id, slug FROM organizations) AS o ON o.id = organization_id;

-- The next row gets the next number.
SELECT setval(pg_get_serial_sequence('organizations', 'id'), organizations), setval(pg_get_serial_sequence('users', 'id'), users) FROM amount;

DROP TABLE amount;
DROP FUNCTION pg_temp.pick, pg_temp.skewed, pg_temp.dice;
ANALYZE organizations, users;
