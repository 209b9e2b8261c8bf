-- What the suite expects to find.
CREATE TABLE users (
  email text PRIMARY KEY,
  name text,
  total_products_created int,
  years_of_employment int NOT NULL
);

CREATE TABLE products (
  id text PRIMARY KEY,
  sku text,
  package text,
  variation_id text,
  dimensions_size text,
  dimensions_weight double precision,
  dimensions_unit text,
  created_by text REFERENCES users,
  notes text,
  UNIQUE (sku, package),
  UNIQUE (sku, variation_id)
);

CREATE TABLE product_research (
  case_number text PRIMARY KEY,
  product_id text NOT NULL REFERENCES products,
  description text,
  outcome text
);
CREATE INDEX ON product_research (product_id, case_number);

CREATE TABLE inventories (id text PRIMARY KEY);

CREATE TABLE deprecated_products (
  sku text,
  package text,
  reason text,
  created_by text REFERENCES users,
  inventory_id text REFERENCES inventories,
  PRIMARY KEY (sku, package)
);
CREATE INDEX ON deprecated_products (inventory_id, sku, package);

INSERT INTO users VALUES ('support@apollographql.com', 'Jane Smith', 1337, 10);
INSERT INTO products VALUES
  ('apollo-federation', 'federation', '@apollo/federation', 'OSS', 'small', 1, 'kg', 'support@apollographql.com', NULL),
  ('apollo-studio', 'studio', '', 'platform', 'small', 1, 'kg', 'support@apollographql.com', NULL);
INSERT INTO product_research VALUES
  ('1234', 'apollo-federation', 'Federation Study', NULL),
  ('1235', 'apollo-studio', 'Studio Study', NULL);
INSERT INTO inventories VALUES ('apollo-oss');
INSERT INTO deprecated_products VALUES ('apollo-federation-v1', '@apollo/federation-v1', 'Migrate to Federation V2', 'support@apollographql.com', 'apollo-oss');
