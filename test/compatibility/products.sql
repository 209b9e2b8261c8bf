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
  variation jsonb NOT NULL,
  dimensions jsonb,
  created_by text REFERENCES users,
  notes text,
  UNIQUE (sku, package)
);

CREATE TABLE product_research (
  case_number text PRIMARY KEY,
  product_id text NOT NULL REFERENCES products,
  study jsonb NOT NULL,
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
  ('apollo-federation', 'federation', '@apollo/federation', '{"id": "OSS"}', '{"size": "small", "weight": 1, "unit": "kg"}', 'support@apollographql.com', NULL),
  ('apollo-studio', 'studio', '', '{"id": "platform"}', '{"size": "small", "weight": 1, "unit": "kg"}', 'support@apollographql.com', NULL);
INSERT INTO product_research VALUES
  ('1234', 'apollo-federation', '{"caseNumber": "1234", "description": "Federation Study"}', NULL),
  ('1235', 'apollo-studio', '{"caseNumber": "1235", "description": "Studio Study"}', NULL);
INSERT INTO inventories VALUES ('apollo-oss');
INSERT INTO deprecated_products VALUES ('apollo-federation-v1', '@apollo/federation-v1', 'Migrate to Federation V2', 'support@apollographql.com', 'apollo-oss');
