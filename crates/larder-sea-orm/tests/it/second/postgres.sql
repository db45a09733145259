@case what only postgres can ask
@schema
CREATE SCHEMA s2;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN pos AS int CHECK (VALUE > 0);
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE t (id int PRIMARY KEY, v int, x numeric, name text, ct citext, cc text COLLATE ci, ch char(5), m mood, arr int[], j jsonb, d pos, g int GENERATED ALWAYS AS (v * 2) STORED, b boolean, tz timestamptz, u uuid, f float8, bi bigint);
CREATE TABLE s2.t (id int PRIMARY KEY, v int);
CREATE TABLE u (id int PRIMARY KEY, t int, v int, k text);
CREATE TABLE "Mixed" ("Id" int PRIMARY KEY, "V" int, v int);
CREATE TABLE mixed (id int PRIMARY KEY, v int);
CREATE TABLE ck (k citext PRIMARY KEY, v int);
CREATE TABLE kc (k char(4) PRIMARY KEY, v int);
CREATE TABLE ki (k text COLLATE ci PRIMARY KEY, v int);
CREATE TABLE kn (k numeric PRIMARY KEY, v int);
CREATE TABLE km (k mood PRIMARY KEY, v int);
CREATE TABLE kb (k bigint PRIMARY KEY, v int);
INSERT INTO t (id, v, x, name, ct, cc, ch, m, arr, j, d, b, tz, u, f, bi) VALUES
 (1, 1, 1.0, 'one', 'One', 'One', 'a', 'sad', '{1,2}', '{"a": 1}', 1, true, '2020-01-01Z', '00000000-0000-0000-0000-000000000001', 1, 1),
 (2, 2, 2.0, 'two', 'Two', 'Two', 'b ', 'ok', '{2,3}', '{"a": 2}', 2, false, '2020-01-02Z', '00000000-0000-0000-0000-000000000002', 2, 2),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO s2.t VALUES (1, 1), (2, 2);
INSERT INTO u VALUES (1, 1, 1, 'a'), (2, 2, 2, 'b'), (3, 2, 5, 'c');
INSERT INTO "Mixed" VALUES (1, 1, 10); INSERT INTO mixed VALUES (1, 100);
INSERT INTO ck VALUES ('Aa', 1); INSERT INTO kc VALUES ('a', 1); INSERT INTO ki VALUES ('Aa', 1), ('é', 2); INSERT INTO kn VALUES (1.0, 1); INSERT INTO km VALUES ('ok', 1); INSERT INTO kb VALUES (1, 1);
@read
SELECT DISTINCT ON (t) id, t, v FROM u ORDER BY t, v DESC
@read
SELECT t.id, l.v FROM t, LATERAL (SELECT v FROM u WHERE u.t = t.id ORDER BY v DESC LIMIT 1) l
@read
SELECT t.id, l.v FROM t LEFT JOIN LATERAL (SELECT v FROM u WHERE u.t = t.id AND u.v > 3) l ON true
@read
SELECT t, v, count(*) FROM u GROUP BY GROUPING SETS ((t), (v), ())
@read
SELECT t, count(*) FROM u GROUP BY ROLLUP (t)
@read
SELECT count(*) FILTER (WHERE v = 2) FROM u
@read
SELECT string_agg(k, ',' ORDER BY v DESC) FROM u WHERE t = 2
@read
SELECT id, rank() OVER (PARTITION BY t ORDER BY v) FROM u
@read
SELECT id FROM t WHERE v IS NOT DISTINCT FROM 2
@read
SELECT id FROM t WHERE v = ANY (ARRAY[1, 2])
@read
SELECT id FROM t WHERE v = ALL (SELECT v FROM u WHERE t = 1)
@read
SELECT id FROM t WHERE 2 = ANY (arr)
@read
SELECT id FROM t WHERE arr @> ARRAY[2]
@read
SELECT id FROM t WHERE j ->> 'a' = '1'
@read
SELECT id FROM t WHERE j @> '{"a": 1}'
@read
SELECT id FROM t WHERE ct = 'ONE'
@read
SELECT id FROM t WHERE cc = 'ONE'
@read
SELECT id FROM t WHERE ch = 'a'
@read
SELECT count(*) FROM t WHERE m = 'sad'
@read
SELECT count(*) FROM t WHERE m = 'sad'::mood
@read
SELECT count(*) FROM t WHERE m::text = 'sad'
@read
SELECT count(*) FROM t WHERE d = 1
@read
SELECT count(*) FROM t WHERE g = 4
@read
SELECT count(*) FROM t WHERE b
@read
SELECT count(*) FROM t WHERE b = 't'
@read
SELECT count(*) FROM t WHERE b IS NOT TRUE
@read
SELECT count(*) FROM t WHERE x = 1
@read
SELECT count(*) FROM t WHERE f = 1
@read
SELECT count(*) FROM t WHERE u = '00000000-0000-0000-0000-000000000001'
@read
SELECT count(*) FROM t WHERE u = '{00000000-0000-0000-0000-00000000000A}'
@read
SELECT count(*) FROM t WHERE tz = '2020-01-01 00:00:00+00'
@read
SELECT id FROM t WHERE name = E'\x6fne'
@read
SELECT id FROM t WHERE name = $$one$$
@pass
SELECT id FROM t WHERE name = 'o' 'ne'
@pass
SELECT id FROM t WHERE name = 'o'
  'ne'
@read
SELECT id FROM t WHERE name = U&'\006fne'
@read
SELECT id FROM t WHERE v = 2::bigint
@read
SELECT id FROM t WHERE v = '2'
@pass
SELECT id FROM t WHERE v = 1_000 / 500
@pass
SELECT id FROM t WHERE v = 0x2
@read [2, 1]
SELECT id FROM t WHERE v = $2 OR id = $1
@read [2, "two"]
SELECT id FROM t WHERE name = $2 AND v = $1
@read [2]
SELECT id FROM t WHERE v = $1 AND id = $1
@read
SELECT * FROM "Mixed"
@read
SELECT "V" FROM "Mixed" WHERE "Id" = 1
@read
SELECT V FROM "Mixed" WHERE "Id" = 1
@read
SELECT * FROM MIXED WHERE ID = 1
@read
SELECT * FROM s2.t WHERE id = 1
@read
SELECT t.v, s.v sv FROM t JOIN s2.t s USING (id)
@read
SELECT public.t.v FROM t WHERE public.t.id = 1
@pass
TABLE s2.t
@read
SELECT v FROM ck WHERE k = 'AA'
@read
SELECT v FROM kc WHERE k = 'a'
@read
SELECT v FROM ki WHERE k = 'AA'
@read
SELECT v FROM ki WHERE k = 'É'
@read
SELECT v FROM kn WHERE k = 1
@read
SELECT v FROM km WHERE k = 'ok'
@read
SELECT v FROM kb WHERE k = 1.0
@read
SELECT v FROM kb WHERE k = '1'
@read
SELECT t::text FROM t WHERE id = 1
@read
SELECT (t).v FROM t WHERE id = 1
@read
SELECT row_to_json(t)::text FROM t WHERE id = 1
@read
SELECT count(t) FROM t
@read
SELECT u.k FROM u WHERE (u.t, u.v) = (2, 2)
@read
SELECT k FROM u WHERE (t, v) < (2, 3)
@read
SELECT id FROM u ORDER BY v FETCH FIRST 2 ROWS WITH TIES
@read
SELECT id FROM u ORDER BY v LIMIT ALL OFFSET 1
@read
WITH x AS MATERIALIZED (SELECT * FROM u WHERE t = 2) SELECT count(*) FROM x
@read
WITH RECURSIVE r AS (SELECT id, t FROM u WHERE id = 3 UNION SELECT u.id, u.t FROM u JOIN r ON u.id = r.t) SELECT * FROM r
@pass
SELECT a, b FROM t x (a, b) WHERE x.b = 2
@read
SELECT b FROM t x (a, b, c, d, e, ff, gg, h, i, jj, k, l, mm) WHERE b = 2
@read
SELECT id FROM (SELECT id, v FROM t) AS x (v, id) WHERE x.v = 2
@read
SELECT * FROM (VALUES (1), (2)) x (id) JOIN u USING (id)
@pass
SELECT u.k, j.* FROM u JOIN t USING (id, v) AS j WHERE j.v = 2
@read
SELECT u.id FROM u NATURAL LEFT JOIN t WHERE t.name IS NULL
@read
SELECT generate_series(1, (SELECT max(v) FROM u)::int) g
@pass
SELECT id FROM t WHERE EXISTS (TABLE s2.t)
@read
SELECT id FROM t WHERE v IN (SELECT unnest(arr) FROM t)
@read
SELECT coalesce((SELECT k FROM u WHERE id = 9), 'none') q
@pass
SELECT id FROM ONLY t WHERE v = 2
@pass
SELECT id, v FROM u WHERE v BETWEEN SYMMETRIC 5 AND 2
@read
SELECT id FROM u WHERE k SIMILAR TO '(a|b)'
@read
SELECT id FROM u WHERE k ~ '^b'
@read
SELECT array_agg(id ORDER BY id)::text FROM u WHERE t = 2
@read
SELECT mode() WITHIN GROUP (ORDER BY v) FROM u
@write
UPDATE u SET v = 2 WHERE id = 1
@write
UPDATE t SET v = 2 WHERE id = 1
@write
UPDATE t SET v = 2 WHERE id = 3
@write
UPDATE ONLY t SET x = 1.00, f = 1, bi = 1 WHERE id = 3
@write
UPDATE t SET ct = 'oNE', cc = 'oNE', ch = 'a  ', m = 'sad', name = 'one', j = '{"a":1}', arr = '{2}', d = 1, b = 't' WHERE id = 3
@write
UPDATE t SET u = '0000000000000000000000000000000a' WHERE id = 2
@write
UPDATE t SET u = '00000000000000000000000000000001', tz = '2020-01-01 01:00:00+01' WHERE id = 2
@write
UPDATE ck SET v = 2 WHERE k = 'aA'
@write
UPDATE kc SET v = 2 WHERE k = 'a   '
@write
UPDATE ki SET v = 2 WHERE k = 'aA'
@write
UPDATE ki SET v = 3 WHERE k = 'É'
@write
UPDATE kn SET v = 2 WHERE k = 1.000
@write
UPDATE km SET v = 2 WHERE k = 'ok'
@write
UPDATE kb SET v = 2 WHERE k = 1.0
@write
INSERT INTO ck VALUES ('AA', 9) ON CONFLICT (k) DO UPDATE SET v = excluded.v
@write
INSERT INTO ki VALUES ('AA', 9) ON CONFLICT (k) DO UPDATE SET v = excluded.v
@write
INSERT INTO ck VALUES ('AA', 10) ON CONFLICT ON CONSTRAINT ck_pkey DO UPDATE SET v = excluded.v, k = 'zz' RETURNING v
@write
UPDATE "Mixed" SET "V" = 5
@write
UPDATE "Mixed" SET v = 5
@write
UPDATE Mixed SET v = 7
@write
UPDATE s2.t SET v = 9 WHERE id = 1
@write
UPDATE public.t SET v = 9 WHERE id = 1
@write
WITH del AS (DELETE FROM u WHERE id = 3 RETURNING *) INSERT INTO t (id, v) SELECT id + 100, v FROM del
@write query
WITH ins AS (INSERT INTO u VALUES (9, 9, 9, 'n') RETURNING id) SELECT id FROM ins
@write query
WITH upd AS (UPDATE s2.t SET v = 77 RETURNING id) SELECT count(*) c FROM upd, t WHERE t.id = upd.id
@write query
SELECT 1 AS one FROM (SELECT 1) x
@write
UPDATE u SET v = t.v FROM t WHERE t.id = u.t AND t.id = 2
@write
DELETE FROM u USING t WHERE t.id = u.t AND t.v = 9
@write
INSERT INTO u (id, t, v, k) VALUES (2, 2, 2, 'z') ON CONFLICT (id) DO UPDATE SET v = 22 WHERE u.v = 2
@write
MERGE INTO u USING t ON u.id = t.id WHEN MATCHED THEN UPDATE SET v = 4 WHEN NOT MATCHED THEN INSERT VALUES (t.id, 1, 1, 'm')
@write
TRUNCATE u, s2.t
@write
INSERT INTO u VALUES (1, 1, 2, 'a'), (2, 2, 2, 'b')
@write
UPDATE u SET (v, k) = (SELECT 5, 'q') WHERE id = 1
@write
UPDATE u SET (v, k) = ROW (6, DEFAULT) WHERE id = 1
@write query
UPDATE u SET id = id + 1 WHERE id = 2 RETURNING id - 1 AS id, v
@write query
DELETE FROM u WHERE id = 3 RETURNING 1 AS id
@write query
UPDATE t SET v = 3 WHERE id = 2 RETURNING name AS id, v AS name, id AS v
@write
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'
@write
ALTER TABLE t RENAME COLUMN bi TO bj
@write
UPDATE t SET arr[1] = 7 WHERE id = 2
@write
UPDATE t SET j['a'] = '7' WHERE id = 2
@write
DO $$ BEGIN UPDATE mixed SET v = 50; END $$
@write text
UPDATE mixed SET v = 51; UPDATE "Mixed" SET "V" = 51
@write text
BEGIN; UPDATE mixed SET v = 52; COMMIT
@write text
UPDATE mixed SET v = 53; SELECT 1 / 0
@write text
BEGIN; UPDATE mixed SET v = 54; ROLLBACK; UPDATE "Mixed" SET "V" = 55
@write
DROP TABLE s2.t CASCADE

@case hierarchies, rules, functions and triggers of postgres are followed
@schema
CREATE TABLE par (id int PRIMARY KEY, v int);
CREATE TABLE kid (extra int) INHERITS (par);
ALTER TABLE kid ADD PRIMARY KEY (id);
CREATE TABLE grandkid () INHERITS (kid);
INSERT INTO par VALUES (1, 1); INSERT INTO kid VALUES (2, 2, 2), (1, 9, 9); INSERT INTO grandkid VALUES (3, 3, 3);
CREATE TABLE pt (id int, r int, v int, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES IN (1);
CREATE TABLE pt2 PARTITION OF pt FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE pt2a PARTITION OF pt2 FOR VALUES FROM (0) TO (100);
CREATE TABLE ptd PARTITION OF pt DEFAULT;
CREATE TABLE ptref (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pt ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO pt VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO ptref VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
CREATE TABLE base (id int PRIMARY KEY, v int, hidden bool DEFAULT false);
INSERT INTO base VALUES (1, 1), (2, 2), (3, 3);
CREATE VIEW vw AS SELECT id, v AS val FROM base WHERE NOT hidden;
CREATE VIEW vw2 AS SELECT id, val FROM vw WHERE val > 0 WITH CHECK OPTION;
CREATE VIEW vw3 AS SELECT vw2.id, par.v FROM vw2 JOIN par USING (id);
CREATE MATERIALIZED VIEW mv AS SELECT * FROM base;
CREATE VIEW overmv AS SELECT * FROM mv;
CREATE TABLE lg (id serial PRIMARY KEY, what text);
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO lg (what) VALUES (TG_OP || TG_TABLE_NAME); NEW.v := NEW.v + 1; RETURN NEW; END $$;
CREATE TABLE aud (id int PRIMARY KEY, v int, w int DEFAULT 5); INSERT INTO aud VALUES (1, 1), (2, 2);
CREATE TRIGGER t1 BEFORE INSERT OR UPDATE ON aud FOR EACH ROW EXECUTE FUNCTION trg();
CREATE FUNCTION redirect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + 1000; RETURN NEW; END $$;
CREATE TABLE red (id int PRIMARY KEY, v int); INSERT INTO red VALUES (1, 1);
CREATE TRIGGER t2 BEFORE INSERT ON red FOR EACH ROW EXECUTE FUNCTION redirect();
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE base SET v = v + 1; RETURN NULL; END $$;
CREATE TABLE sw (id int PRIMARY KEY, v int); INSERT INTO sw VALUES (1, 1);
CREATE TRIGGER t3 BEFORE UPDATE ON sw FOR EACH ROW EXECUTE FUNCTION swallow();
CREATE FUNCTION stmt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE red SET v = v + 1; RETURN NULL; END $$;
CREATE TABLE st (id int PRIMARY KEY, v int); INSERT INTO st VALUES (1, 1);
CREATE TRIGGER t4 AFTER UPDATE OR DELETE ON st FOR EACH STATEMENT EXECUTE FUNCTION stmt();
CREATE FUNCTION dyn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE ba' || 'se SET v = 50'; RETURN NULL; END $$;
CREATE TABLE dy (id int PRIMARY KEY, v int); INSERT INTO dy VALUES (1, 1);
CREATE TRIGGER t5 AFTER UPDATE ON dy FOR EACH ROW EXECUTE FUNCTION dyn();
CREATE TABLE rl (id int PRIMARY KEY, v int); INSERT INTO rl VALUES (1, 1);
CREATE RULE r1 AS ON UPDATE TO rl DO ALSO INSERT INTO lg (what) VALUES ('rule');
CREATE TABLE rl2 (id int PRIMARY KEY, v int);
CREATE RULE r2 AS ON INSERT TO rl2 DO INSTEAD INSERT INTO base VALUES (NEW.id, NEW.v);
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE base SET v = 99 WHERE id = 3; RETURN 1; END $$;
CREATE FUNCTION liar() RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT v FROM base WHERE id = 1 $$;
CREATE FUNCTION plus1(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + 1 $$;
CREATE TABLE defv (id int PRIMARY KEY, v int DEFAULT liar());
CREATE TABLE casc (id int PRIMARY KEY, p int REFERENCES casc ON DELETE SET NULL ON UPDATE CASCADE, v int); INSERT INTO casc VALUES (1, NULL, 1), (2, 1, 1), (3, 2, 1);
CREATE TABLE cset (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a) REFERENCES base (id) ON DELETE SET NULL ON UPDATE CASCADE); INSERT INTO cset VALUES (1, 1, 1), (2, 2, 2);
@read
SELECT * FROM par
@read
SELECT * FROM par WHERE id = 1
@read
SELECT * FROM par WHERE id = 2
@pass
SELECT * FROM ONLY par
@pass
SELECT * FROM par*
@read
SELECT * FROM kid WHERE id = 2
@read
SELECT * FROM grandkid WHERE id = 3
@read
SELECT count(*) FROM par WHERE v = 2
@read
SELECT * FROM pt WHERE id = 1 AND r = 1
@read
SELECT id FROM pt WHERE v = 2
@read
SELECT * FROM pt1
@read
SELECT * FROM pt2a WHERE id = 2 AND r = 2
@read
SELECT * FROM pt2
@read
SELECT * FROM ptd
@read
SELECT * FROM ptref
@read
SELECT * FROM ptref WHERE id = 1
@read
SELECT tableoid::regclass::text, id FROM pt
@read
SELECT * FROM base WHERE id = 1
@read
SELECT id FROM base WHERE v = 2
@read
SELECT * FROM vw WHERE id = 1
@read
SELECT * FROM vw2
@read
SELECT * FROM vw3
@pass
SELECT * FROM mv
@pass
SELECT * FROM overmv
@read
SELECT * FROM lg
@read
SELECT * FROM aud
@read
SELECT * FROM aud WHERE id = 2
@read
SELECT id FROM aud WHERE v = 3
@read
SELECT * FROM red WHERE id = 1
@read
SELECT * FROM red WHERE id = 1005
@read
SELECT * FROM red WHERE id = 5
@read
SELECT * FROM sw
@read
SELECT * FROM rl2
@read
SELECT plus1(v) FROM base WHERE id = 1
@read
SELECT id FROM base WHERE plus1(v) = 3
@read
SELECT * FROM defv
@read
SELECT * FROM casc WHERE id = 2
@read
SELECT id FROM casc WHERE p IS NULL
@read
SELECT * FROM cset
@read
SELECT id FROM cset WHERE a = 1
@write
UPDATE par SET v = 2 WHERE id = 1
@write
UPDATE kid SET v = 7 WHERE id = 2
@write
UPDATE par SET v = 8 WHERE id = 3
@write
DELETE FROM ONLY par WHERE id = 1
@write
INSERT INTO grandkid VALUES (1, 2, 2)
@write query
INSERT INTO kid VALUES (12, 2, 2) RETURNING id
@write
UPDATE pt SET v = 2 WHERE id = 1 AND r = 1
@write
UPDATE pt SET r = 2 WHERE id = 1 AND r = 1
@write
UPDATE pt1 SET r = 1
@write
UPDATE pt2a SET v = 8 WHERE id = 1 AND r = 2
@write
INSERT INTO pt1 VALUES (77, 1, 2)
@write
INSERT INTO pt VALUES (78, 1, 2)
@write
DELETE FROM pt2 WHERE id = 2
@write
TRUNCATE pt1
@write
UPDATE ptd SET v = 5 WHERE id = 3 AND r = 3
@write
UPDATE vw SET val = 5 WHERE id = 1
@write
UPDATE vw2 SET val = 2 WHERE id = 1
@write query
INSERT INTO vw2 VALUES (10, 2) RETURNING id
@write
DELETE FROM vw2 WHERE id = 10
@write
REFRESH MATERIALIZED VIEW mv
@write
UPDATE aud SET v = 2 WHERE id = 1
@write query
UPDATE aud SET w = 6 WHERE id = 1 RETURNING id
@write
INSERT INTO aud VALUES (3, 2)
@write
INSERT INTO red VALUES (5, 1)
@write query
INSERT INTO red VALUES (6, 1) RETURNING id
@write
UPDATE sw SET v = 3 WHERE id = 1
@write query
UPDATE sw SET v = 3 WHERE id = 1 RETURNING *
@write
UPDATE st SET v = 3 WHERE id = 99
@write query
DELETE FROM st WHERE id = 99 RETURNING id
@write
UPDATE dy SET v = 2
@write
UPDATE rl SET v = 3 WHERE id = 1
@write
INSERT INTO rl2 VALUES (30, 2)
@write query
SELECT writes()
@write
UPDATE base SET v = 1 WHERE id = 1
@write
UPDATE base SET v = 100 WHERE id = 1 AND writes() = 1
@write
UPDATE base SET v = 5 WHERE id = 2
@write
INSERT INTO par SELECT 80 + writes(), 2
@write
INSERT INTO defv (id) VALUES (1)
@write
SELECT plus1(1)
@write
UPDATE casc SET id = 20 WHERE id = 2
@write
DELETE FROM casc WHERE id = 1
@write
UPDATE base SET id = 100 WHERE id = 1
@write
DELETE FROM base WHERE id IN (100, 2)
@write
ALTER TABLE pt DETACH PARTITION pt1
@write
INSERT INTO pt1 VALUES (5, 1, 5)
@write
ALTER TABLE kid NO INHERIT par
@write
UPDATE kid SET v = 70
@write
CREATE OR REPLACE FUNCTION plus1(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + 2 $$
@write
CREATE OR REPLACE VIEW vw AS SELECT id, v * 10 AS val FROM base
@write
COMMENT ON TABLE base IS 'x'

@case a table may be called as a keyword is
@schema
CREATE TABLE "only" (id int PRIMARY KEY, v int); CREATE TABLE par (id int PRIMARY KEY, v int); CREATE TABLE "lateral" (id int PRIMARY KEY, v int);
CREATE TABLE "user" (id int PRIMARY KEY, v int); CREATE TABLE "select" (id int PRIMARY KEY, "from" int); CREATE TABLE "values" (id int PRIMARY KEY, v int); CREATE TABLE "table" (id int PRIMARY KEY, v int);
CREATE TABLE "sum" (id int PRIMARY KEY, v int); CREATE TABLE "rows" (id int PRIMARY KEY, v int); CREATE TABLE "a.b" (id int PRIMARY KEY, v int); CREATE SCHEMA a; CREATE TABLE a.b (id int PRIMARY KEY, v int); CREATE TABLE "T A" (id int PRIMARY KEY, v int); CREATE TABLE "é" (id int PRIMARY KEY, v int);
INSERT INTO "only" VALUES (1, 1); INSERT INTO par VALUES (1, 1); INSERT INTO "user" VALUES (1, 1); INSERT INTO "select" VALUES (1, 1); INSERT INTO "values" VALUES (1, 1); INSERT INTO "table" VALUES (1, 1); INSERT INTO "sum" VALUES (1, 1); INSERT INTO "rows" VALUES (1, 1); INSERT INTO "a.b" VALUES (1, 1); INSERT INTO a.b VALUES (1, 1); INSERT INTO "T A" VALUES (1, 1); INSERT INTO "é" VALUES (1, 1);
@pass
SELECT * FROM ONLY par
@pass
SELECT * FROM ONLY (par)
@pass
SELECT v FROM ONLY par WHERE v > 0
@pass
SELECT * FROM "only"
@read
SELECT * FROM "user"
@pass
SELECT user
@read
SELECT "user" FROM par AS "user"
@read
SELECT "from" FROM "select"
@read
SELECT * FROM "values"
@read
SELECT * FROM "table" WHERE id = 1
@read
SELECT sum(v) FROM "sum"
@read
SELECT * FROM rows
@read
SELECT * FROM "a.b"
@read
SELECT * FROM a.b
@read
SELECT * FROM "a"."b" WHERE b.id = 1
@read
SELECT * FROM "T A" AS "a.b" WHERE "a.b".id = 1
@pass
SELECT * FROM U&"\00e9"
@pass
SELECT * FROM É
@read
SELECT * FROM "é"
@write
UPDATE par SET v = 2
@write
UPDATE ONLY par SET v = 3 WHERE id = 1
@write
DELETE FROM ONLY par
@write
UPDATE "only" SET v = 2
@write
UPDATE "user" SET v = 2
@write
UPDATE "select" SET "from" = 2
@write
UPDATE "values" SET v = 2 WHERE id = 1
@write
UPDATE "table" SET v = 2 WHERE id = 1
@write
UPDATE "sum" SET v = 2 WHERE id = 1
@write
UPDATE rows SET v = 2 WHERE id = 1
@write
UPDATE "a.b" SET v = 2 WHERE id = 1
@write
UPDATE a.b SET v = 3 WHERE id = 1
@write
UPDATE "T A" SET v = 3 WHERE id = 1
@write
UPDATE "é" SET v = 3 WHERE id = 1
@write
UPDATE U&"\00e9" SET v = 4 WHERE id = 1

@case functions and search paths are not believed blindly
@schema
CREATE TABLE base (id int PRIMARY KEY, v int); INSERT INTO base VALUES (1, 1), (2, 2);
CREATE TABLE par (id int PRIMARY KEY, v int, d text); INSERT INTO par VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE FUNCTION cnt(base) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM par $$;
CREATE FUNCTION liar() RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = 1 $$;
CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = $1 $$;
CREATE FUNCTION public.abs(text) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = 1 $$;
CREATE FUNCTION tocast(text) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM base WHERE id = 1 $$;
CREATE FUNCTION sfn(int, int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = 1 $$;
CREATE AGGREGATE myagg(int) (SFUNC = sfn, STYPE = int, INITCOND = '0');
CREATE DOMAIN dom AS int CHECK (liar() < 50);
CREATE TABLE idx (id int PRIMARY KEY, v int, CHECK (liar() IS NOT NULL)); INSERT INTO idx VALUES (1, 1);
CREATE FUNCTION tbl(int) RETURNS SETOF base LANGUAGE sql STABLE AS $$ SELECT * FROM base WHERE v >= $1 $$;
CREATE SEQUENCE sq;
CREATE POLICY never ON base USING (true);
@pass
SELECT cnt(b) FROM base b
@pass
SELECT b.cnt FROM base b
@pass
SELECT liar()
@pass
SELECT lower(1)
@pass
SELECT lower(d) FROM par
@pass
SELECT abs('x'::text)
@read
SELECT id FROM par WHERE d = 'x'
@pass
SELECT myagg(id) FROM base
@read
SELECT v::dom FROM base WHERE id = 1
@pass
SELECT id, v FROM tbl(2)
@pass
SELECT id FROM idx JOIN tbl(1) USING (id)
@pass
SELECT x::text FROM ROWS FROM (tbl(1), generate_series(1, 2)) x
@pass
SELECT last_value FROM sq
@pass
SELECT current_setting('search_path')
@pass
SELECT current_schema
@pass
SELECT 'now'::text
@pass
SELECT 'now'::timestamptz > '2000-01-01' x
@pass
SELECT id FROM par WHERE 'today'::date > '2000-01-01'
@pass
SELECT date 'yesterday' > '2000-01-01' x
@pass
SELECT to_char(now(), 'YYYY')
@pass
SELECT txid_current() > 0 x
@pass
SELECT pg_table_size('base') > 0 x
@pass
SELECT count(*) FROM pg_class
@read
SELECT 'base'::regclass::oid::int > 0 x
@pass
SELECT xmin::text FROM base WHERE id = 1
@pass
SELECT ctid::text FROM base WHERE id = 1
@pass
SELECT query_to_xml('select v from base', true, true, '')::text
@pass
SELECT obj_description('base'::regclass)
@pass
SELECT pg_get_viewdef('base'::regclass)
@pass
SELECT to_regclass('nope') IS NULL x
@read
SELECT array_agg(v)::text FROM base
@pass
SELECT version() IS NOT NULL x
@pass
SELECT timezone('UTC', '2020-01-01 00:00:00+01'::timestamptz)::text
@read
SELECT '2020-01-01 00:00:00+01'::timestamptz::text
@read
SELECT extract(hour FROM '2020-01-01 00:00:00+01'::timestamptz)::int
@read
SELECT '1'::money::text
@pass
SELECT inet_client_addr() IS NULL x
@pass
SELECT has_table_privilege('base', 'select') x
@write
UPDATE par SET v = 2
@write
UPDATE par SET v = 7 WHERE id = 1
@write
UPDATE base SET v = 7 WHERE id = 1
@write
UPDATE base SET v = 2 WHERE id = 1
@write query
SELECT nextval('sq')
@write
SELECT setval('sq', 50)
@write
INSERT INTO base SELECT nextval('sq'), 2
@write
CREATE FUNCTION upper(int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = $1 $$
@write
CREATE OR REPLACE FUNCTION liar() RETURNS int LANGUAGE sql STABLE AS $$ SELECT 5 $$
@write
CREATE TABLE nope (id int PRIMARY KEY)
@write
COMMENT ON TABLE base IS 'hello'
@write
ALTER TABLE base ADD COLUMN cnt int DEFAULT 3
@write
DROP FUNCTION cnt(base)
@write
UPDATE base SET cnt = 5

@case deep cascades composite keys and null matches on postgres
@schema
CREATE TABLE p (a int, b int, u int UNIQUE DEFERRABLE INITIALLY DEFERRED, v int, PRIMARY KEY (a, b));
CREATE TABLE c (id serial PRIMARY KEY, a int, b int, x int DEFAULT 4, FOREIGN KEY (a, b) REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE d (id int PRIMARY KEY, c int REFERENCES c ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, k int);
CREATE TABLE e (a int, b int, w int, PRIMARY KEY (a, b), FOREIGN KEY (a, b) REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE f (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES e ON DELETE SET DEFAULT ON UPDATE CASCADE);
CREATE TABLE nn (id int PRIMARY KEY, k int, UNIQUE (k)); CREATE UNIQUE INDEX ON nn ((k / 10)) WHERE k > 100;
CREATE TABLE idn (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int);
INSERT INTO p VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3); INSERT INTO c (a, b) VALUES (1, 1), (2, 2), (3, 3); INSERT INTO d VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO e VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO f VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
INSERT INTO nn VALUES (1, NULL), (2, NULL), (3, 3), (4, 205); INSERT INTO idn (v) VALUES (1), (2);
@read
SELECT * FROM c WHERE id = 1
@read
SELECT id FROM c WHERE a = 1
@read
SELECT id FROM c WHERE a IS NULL
@read
SELECT count(*) FROM c WHERE a = 9 AND b = 9
@read
SELECT * FROM d WHERE id = 2
@read
SELECT id FROM d WHERE c = 2
@read
SELECT * FROM e WHERE a = 1 AND b = 1
@read
SELECT * FROM e WHERE a = 9 AND b = 1
@read
SELECT w FROM e WHERE a = 9
@read
SELECT * FROM f WHERE id = 1
@read
SELECT id FROM f WHERE a = 9 AND b = 1
@read
SELECT count(*) FROM f WHERE a IS NULL
@read
SELECT p.v, f.id FROM p JOIN e USING (a, b) JOIN f USING (a, b) WHERE p.v = 1
@read
SELECT id FROM nn WHERE k IS NULL
@read
SELECT * FROM nn WHERE k = 3
@read
SELECT count(*) FROM nn WHERE k = 207
@read
SELECT * FROM nn WHERE id = 4
@read
SELECT * FROM idn
@read
SELECT * FROM idn WHERE id = 3
@read
SELECT v FROM idn WHERE id = 100
@write
UPDATE p SET a = 9 WHERE a = 1 AND b = 1
@write
UPDATE p SET (a, b) = (9, 9) WHERE u = 1
@write
UPDATE c SET id = 20 WHERE id = 2
@write query
UPDATE c SET id = DEFAULT, x = DEFAULT WHERE id = 20 RETURNING id
@write
UPDATE c SET a = DEFAULT, x = 3 WHERE id = 3
@write
DELETE FROM p WHERE u = 1
@write query
DELETE FROM p WHERE a = 2 AND b = 2 RETURNING v
@write
DELETE FROM c
@write
INSERT INTO nn VALUES (5, 206) ON CONFLICT ((k / 10)) WHERE k > 100 DO UPDATE SET k = 207
@write
INSERT INTO nn VALUES (3, 9) ON CONFLICT (id) DO UPDATE SET id = 33, k = NULL
@write
INSERT INTO nn VALUES (8, 207) ON CONFLICT (k) DO UPDATE SET k = 3
@write
INSERT INTO idn OVERRIDING SYSTEM VALUE VALUES (3, 3)
@write
INSERT INTO idn OVERRIDING USER VALUE VALUES (100, 5) ON CONFLICT DO NOTHING
@write
INSERT INTO idn OVERRIDING USER VALUE VALUES (100, 6)
@write
UPDATE idn SET id = DEFAULT WHERE id = 1
@write tx
UPDATE p SET u = u + 1
INSERT INTO p VALUES (50, 50, 4, 1)
@write tx
INSERT INTO d VALUES (70, 7000, 1)
UPDATE p SET v = 1000
@write tx
UPDATE nn SET k = 500 WHERE id = 1
{
UPDATE nn SET k = 501 WHERE id = 2
!
{
UPDATE nope SET k = 1
!
UPDATE nn SET k = 502 WHERE id = 2
@write tx
SAVEPOINT a
UPDATE nn SET k = 600 WHERE id = 1
ROLLBACK TO a
UPDATE nn SET k = 601 WHERE id = 2
RELEASE a
@write tx
UPDATE nn SET k = 700 WHERE id = 1
COMMIT
UPDATE nn SET k = 701 WHERE id = 2
@write tx
UPDATE nn SET k = 800 WHERE id = 1
ROLLBACK
UPDATE nn SET k = 801 WHERE id = 2
@write tx
UPDATE nn SET k = 900 WHERE id = 1
ROLLBACK AND CHAIN
UPDATE nn SET k = 901 WHERE id = 2
@write text
COPY nn FROM PROGRAM 'echo 91,1' WITH (FORMAT csv)
@write
EXPLAIN ANALYZE UPDATE nn SET k = 1000 WHERE id = 2
@write text
PREPARE q AS UPDATE nn SET k = 1100 WHERE id = 2; EXECUTE q
@write
CREATE TABLE cta AS WITH w AS (SELECT 1) SELECT * FROM w
@write
SELECT * INTO nn2 FROM nn
@write
LOCK TABLE nn

@case a cast that reads a table
@schema
CREATE TABLE base (id int PRIMARY KEY, v int); INSERT INTO base VALUES (1, 1), (2, 2);
CREATE TABLE par (id int PRIMARY KEY, v int, d text); INSERT INTO par VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE TYPE box2 AS (a int); CREATE FUNCTION b2i(box2) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = 1 $$;
CREATE CAST (box2 AS int) WITH FUNCTION b2i(box2);
CREATE TABLE bx (id int PRIMARY KEY, b box2); INSERT INTO bx VALUES (1, ROW(1));
CREATE VIEW vbx AS SELECT id, b::int x FROM bx;
@pass
SELECT (ROW(1)::box2)::int
@pass
SELECT CAST(b AS int) FROM bx
@pass
SELECT * FROM vbx
@write
UPDATE par SET v = 2
@write
UPDATE par SET v = 7 WHERE id = 1

@case an operator that reads a table
@schema
CREATE TABLE base (id int PRIMARY KEY, v int); INSERT INTO base VALUES (1, 1), (2, 2);
CREATE TABLE par (id int PRIMARY KEY, v int, d text); INSERT INTO par VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE FUNCTION eqd(text, int) RETURNS bool LANGUAGE sql STABLE AS $$ SELECT EXISTS (SELECT 1 FROM base WHERE v = $2) $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = int, FUNCTION = eqd);
CREATE FUNCTION pl(base, int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT v FROM par WHERE id = 1 $$;
CREATE OPERATOR public.+ (LEFTARG = base, RIGHTARG = int, FUNCTION = pl);
@pass
SELECT id FROM par WHERE d = 2
@pass
SELECT id FROM par WHERE d = 77
@pass
SELECT b + 1 FROM base b
@write
UPDATE base SET v = 77 WHERE id = 1
@write
UPDATE par SET v = 78 WHERE id = 1
@write
UPDATE base SET v = 78 WHERE id = 1
