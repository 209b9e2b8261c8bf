/**
 * Owns an application whose tables have triggers, rules and columns of many kinds, and functions that raise errors: its
 * SDL and its SQL.
 */
export const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { stock(id: ID!): Stock task(id: ID!): Task front(id: ID!): Front profile(id: ID!): Profile soft(id: ID!): Soft post(id: ID!): Post card(id: ID!): Card event(id: ID!): Event product(id: ID!): Product code(code: ID!): Code member(id: ID!): Member }
  type Mutation {
    updateStock(id: ID!, input: StockInput!): StockPayload! @update
    createLink(input: LinkInput!): LinkPayload! @insert
    updateTask(id: ID!, input: TaskInput!): TaskPayload! @update
    bump: String!
    byHand(sql: String!, value: String): String!
    updateMember(id: ID!, input: MemberInput!): MemberPayload! @update
    updateCode(code: ID!, expectedVersion: Int, input: CodeInput!): CodePayload! @update
    createFront(input: FrontInput!): FrontPayload! @insert
    forceFront(input: FrontInput!): ForcedPayload! @insert
    updateFront(id: ID!, input: FrontEdit!): FrontPayload! @update
    updateProfile(id: ID!, expectedVersion: Int, input: ProfileInput!): ProfilePayload! @update
    deleteProfile(id: ID!, expectedVersion: Int): ProfilePayload! @delete
    deleteSoft(id: ID!): SoftPayload! @delete
    createPost(input: PostInput!): PostPayload! @insert
    updatePost(id: ID!, expectedVersion: Int, input: PostInput!): PostPayload! @update
    createCard(input: CardInput!): CardPayload! @insert
    updateCard(id: ID!, input: CardEdit!): CardPayload! @update
    deleteCard(id: ID!): CardPayload! @delete
    createEvent(input: EventInput!): EventPayload! @insert
    updateEvent(id: ID!, input: EventEdit!): EventPayload! @update
    deleteEvent(id: ID!): EventPayload! @delete
    updateProduct(id: ID!, expectedVersion: Int, input: ProductInput!): ProductPayload! @update
  }
  type Front @entity(table: "front") @key(fields: "id") { id: ID! v: Int! }
  input FrontInput { id: ID v: Int! }
  input FrontEdit { v: Int }
  type FrontPayload { front: Front token: ConsistencyToken! }
  type ForcedPayload { front: Front! }
  type Profile @entity(version: "version") @key(fields: "id") { id: ID! bio: String! version: Int! }
  input ProfileInput { bio: String }
  type ProfilePayload { profile: Profile token: ConsistencyToken! }
  type Soft @entity(table: "softs") @key(fields: "id") { id: ID! gone: Boolean! }
  type SoftPayload { soft: Soft token: ConsistencyToken! }
  type Post @entity(version: "version") @key(fields: "id") { id: ID! title: String! slug: String shout: String version: Int! comments: [Comment!]! }
  type Comment @entity @key(fields: "id") { id: ID! post: Post! }
  input PostInput { title: String! }
  type PostPayload { post: Post token: ConsistencyToken! }
  type Card @entity(table: "cards") @key(fields: "id") { id: ID! label: String! }
  input CardInput { id: ID label: String! }
  input CardEdit { label: String }
  type CardPayload { card: Card token: ConsistencyToken! }
  type Event @entity(table: "events") @key(fields: "id") { id: ID! label: String! }
  input EventInput { id: ID label: String! }
  input EventEdit { label: String }
  type EventPayload { event: Event token: ConsistencyToken! }
  type Product @entity(version: "version") @conflict(policy: MERGE, rule: LAST_WRITE_WINS, updateDeleted: RESTORE) @key(fields: "id") { id: ID! name: String! attrs: String raw: JSON mood: String version: Int! }
  type Code @entity(table: "codes", version: "version") @conflict(policy: MERGE, rule: LAST_WRITE_WINS, updateDeleted: RESTORE) @key(fields: "code") { code: ID! label: String! version: Int! }
  input CodeInput { label: String }
  type CodePayload { code: Code }
  type Member @entity @key(fields: "id") { id: ID! bio: String! }
  input MemberInput { bio: String rank: Int mail: String at: Date }
  type MemberPayload { member: Member }
  input ProductInput { name: String! }
  type ProductPayload { product: Product }
  type Stock @entity @key(fields: "id") { id: ID! qty: Int! }
  type Link @entity @key(fields: "id at") { id: ID! url: String! rank: Int at: Date! mail: String }
  type Task @entity @key(fields: "id") { id: ID! title: String! points: Int! }
  input StockInput { qty: Int state: String }
  input LinkInput { url: String! rank: Int at: Date mail: String }
  input TaskInput { points: Int }
  type StockPayload { stock: Stock }
  type LinkPayload { link: Link }
  type TaskPayload { task: Task }`;

export const SQL = `
  CREATE TABLE stocks (id integer PRIMARY KEY, qty integer NOT NULL, state text NOT NULL DEFAULT 'P0001');
  INSERT INTO stocks VALUES (1, 1);
  CREATE FUNCTION chk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.state = 'divide' THEN NEW.qty := 1 / (NEW.qty - NEW.qty); END IF;
    IF NEW.state = 'strict' THEN SELECT qty INTO STRICT NEW.qty FROM stocks WHERE id = -1; END IF;
    IF NEW.state = 'assert' THEN ASSERT NEW.qty > 0, 'Stock must be there.'; END IF;
    IF NEW.qty < 0 THEN RAISE EXCEPTION 'Stock exhausted' USING HINT = 'Order less.', DETAIL = 'One is left.', ERRCODE = NEW.state; END IF;
    RETURN NEW; END $$;
  CREATE TRIGGER chk BEFORE UPDATE ON stocks FOR EACH ROW EXECUTE FUNCTION chk();
  CREATE DOMAIN mail_address AS text CHECK (VALUE LIKE '%@%');
  CREATE TABLE links (id bigint GENERATED BY DEFAULT AS IDENTITY, url text NOT NULL, rank integer CONSTRAINT ranked CHECK (rank > 0), at date NOT NULL DEFAULT '2026-01-01', mail mail_address,
    PRIMARY KEY (id, at), UNIQUE (url, at)) PARTITION BY RANGE (at);
  CREATE TABLE links_2026 PARTITION OF links FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE tasks (id integer PRIMARY KEY, title varchar(50) NOT NULL, points integer NOT NULL DEFAULT 0);
  INSERT INTO tasks SELECT n, 'task ' || n FROM generate_series(1, 20) AS n;
  CREATE FUNCTION trim_title() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.title <> trim(NEW.title) THEN NEW.title := trim(NEW.title); END IF; RETURN NEW; END $$;
  CREATE TRIGGER trim_title BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION trim_title();

  CREATE TABLE front (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v integer NOT NULL);
  CREATE TABLE elsewhere (id bigint PRIMARY KEY, v integer NOT NULL);
  CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO elsewhere VALUES (NEW.id, NEW.v); RETURN NULL; END $$;
  CREATE TRIGGER put BEFORE INSERT OR UPDATE ON front FOR EACH ROW WHEN (NEW.v > 0) EXECUTE FUNCTION put();

  CREATE TABLE profiles (id integer PRIMARY KEY, bio text NOT NULL, version integer NOT NULL DEFAULT 1);
  INSERT INTO profiles VALUES (1, 'same'), (2, 'kept');
  CREATE FUNCTION sup() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'DELETE' OR NEW.bio = OLD.bio THEN RETURN NULL; END IF; RETURN NEW; END $$;
  CREATE TRIGGER z BEFORE UPDATE OR DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION sup();

  CREATE TABLE softs (id integer PRIMARY KEY, gone boolean NOT NULL DEFAULT false);
  INSERT INTO softs SELECT n FROM generate_series(1, 20) AS n;
  CREATE FUNCTION soften() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE softs SET gone = true WHERE id = OLD.id; RETURN NULL; END $$;
  CREATE TRIGGER soften BEFORE DELETE ON softs FOR EACH ROW EXECUTE FUNCTION soften();

  CREATE TABLE posts (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text NOT NULL, slug text, shout text GENERATED ALWAYS AS (upper(slug)) STORED, version integer NOT NULL DEFAULT 1);
  CREATE TABLE comments (id integer PRIMARY KEY, post_id integer NOT NULL REFERENCES posts ON DELETE CASCADE);
  CREATE INDEX ON comments (post_id);
  CREATE FUNCTION fin() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.title = 'vanish' THEN DELETE FROM posts WHERE id = NEW.id; RETURN NULL; END IF;
    INSERT INTO comments VALUES (NEW.id, NEW.id) ON CONFLICT DO NOTHING;
    UPDATE posts SET slug = lower(NEW.title), version = version + 1 WHERE id = NEW.id AND slug IS DISTINCT FROM lower(NEW.title); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER fin AFTER INSERT OR UPDATE OF title ON posts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fin();

  CREATE TABLE decks (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, label text NOT NULL, gone boolean NOT NULL DEFAULT false);
  CREATE VIEW cards AS SELECT id, label FROM decks WHERE NOT gone;
  CREATE FUNCTION deal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN INSERT INTO decks (id, label) VALUES (coalesce(NEW.id, 1000), NEW.label);
    ELSIF TG_OP = 'UPDATE' THEN UPDATE decks SET label = upper(NEW.label) WHERE id = OLD.id;
    ELSE UPDATE decks SET gone = true WHERE id = OLD.id; END IF;
    RETURN NULL; END $$;
  CREATE TRIGGER deal INSTEAD OF INSERT OR UPDATE OR DELETE ON cards FOR EACH ROW EXECUTE FUNCTION deal();

  CREATE TABLE events (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, label text NOT NULL, gone boolean NOT NULL DEFAULT false);
  CREATE TABLE event_log (label text);
  CREATE RULE log AS ON INSERT TO events DO ALSO INSERT INTO event_log VALUES (NEW.label);
  CREATE RULE shout AS ON UPDATE TO events WHERE NEW.label = 'loud' DO INSTEAD INSERT INTO event_log VALUES ('loud');
  CREATE TABLE members (id integer PRIMARY KEY, secret text NOT NULL, bio text NOT NULL, rank integer NOT NULL CONSTRAINT ranked CHECK (rank > 0), mail text, at date NOT NULL DEFAULT '2026-01-01');
  CREATE UNIQUE INDEX by_mail ON members (lower(mail));
  INSERT INTO members VALUES (1, 'hidden 1', 'a', 1, 'a@example.com'), (2, 'hidden 2', 'b', 1, 'b@example.com');
  CREATE VIEW steady AS SELECT * FROM members WHERE rank < 100 WITH CHECK OPTION;
  CREATE TABLE codes (code char(4) PRIMARY KEY, label text NOT NULL, version integer NOT NULL DEFAULT 1);
  INSERT INTO codes VALUES ('ab', 'first');
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE TABLE later (id integer, state text);
  CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'Too late' USING ERRCODE = NEW.state; END $$;
  CREATE CONSTRAINT TRIGGER late AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
  CREATE FUNCTION stray() RETURNS integer LANGUAGE sql AS $$ SELECT 1 FROM (SELECT set_config('datestyle', 'German', false), set_config('search_path', 'pg_catalog', false), set_config('role', 'pg_monitor', false)) AS s $$;
  CREATE EXTENSION hstore;
  CREATE DOMAIN tags AS hstore;
  CREATE TYPE pair AS (a hstore, b text);
  CREATE TABLE products (id integer PRIMARY KEY, name text NOT NULL, attrs hstore, raw json, version integer NOT NULL DEFAULT 1, jb jsonb NOT NULL DEFAULT 'null', arr integer[], many hstore[], domained tags, duo pair,
    zero float8, price numeric, at timestamptz, span interval, bin bytea, host inet, fixed char(4), words text, flag boolean, mixed text[], empty text, mood mood DEFAULT 'sad', later timestamptz GENERATED ALWAYS AS (at) STORED);
  CREATE RULE keep AS ON DELETE TO events DO INSTEAD UPDATE events SET gone = true, label = 'gone' WHERE id = OLD.id;`;
