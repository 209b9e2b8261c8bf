CREATE TABLE payments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text NOT NULL, cents int NOT NULL);
CREATE TABLE accounts (id bigint PRIMARY KEY, cents int NOT NULL CHECK (cents >= 0));
INSERT INTO accounts VALUES (1, 1000000), (2, 0);
