@case a function called stable that calls one that writes
@schema
CREATE TABLE base (id int PRIMARY KEY, v int); INSERT INTO base VALUES (1, 1), (2, 2);
CREATE TABLE par (id int PRIMARY KEY, v int); INSERT INTO par VALUES (1, 1), (2, 2);
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE base SET v = v + 1; RETURN 1; END $$;
CREATE FUNCTION sneaky() RETURNS int LANGUAGE sql STABLE AS $$ SELECT writes() $$;
CREATE FUNCTION sneaky2() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN writes(); END $$;
CREATE VIEW vwr AS SELECT id, writes() w FROM par;
CREATE VIEW vsn AS SELECT id, sneaky() w FROM par;
CREATE FUNCTION srf() RETURNS SETOF int LANGUAGE sql VOLATILE AS $$ SELECT writes() $$;
@read
SELECT * FROM base
@read
SELECT v FROM base WHERE id = 1
@write query
SELECT sneaky()
@write query
SELECT sneaky2()
@write query
SELECT * FROM vwr
@write query
SELECT * FROM vsn
@write query
SELECT count(w) FROM vwr
@write query
SELECT * FROM srf()
@write
UPDATE par SET v = sneaky() WHERE id = 1
@write
UPDATE par SET v = v + (SELECT w FROM vwr LIMIT 1)
@write
DELETE FROM par WHERE sneaky() = 1 AND id = 2
