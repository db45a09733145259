@case joins of odd forms follow both tables
@schema
CREATE TABLE a (id INTEGER PRIMARY KEY, x INT, name TEXT);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INT, x INT, name TEXT);
CREATE TABLE c (x INT, y INT, PRIMARY KEY (x, y)) WITHOUT ROWID;
INSERT INTO a VALUES (1, 1, 'one'), (2, 2, 'two'), (3, NULL, 'three');
INSERT INTO b VALUES (1, 1, 1, 'b1'), (2, 2, 2, 'b2'), (3, 2, 5, 'two');
INSERT INTO c VALUES (1, 1), (1, 2), (2, 9);
@read
SELECT * FROM a JOIN b USING (id)
@read
SELECT a.id, b.id, a.name FROM a JOIN b USING (id, x) WHERE id = 2
@read
SELECT * FROM a NATURAL JOIN b
@read
SELECT a.id, b.id FROM a NATURAL JOIN b WHERE a.id = 2
@read
SELECT id FROM a JOIN b USING (id, x)
@read
SELECT a.id FROM a LEFT JOIN b USING (id) WHERE b.id IS NULL
@read
SELECT a.id FROM a LEFT JOIN b ON b.a_id = a.id AND b.x = 5 WHERE b.id IS NULL
@read
SELECT a.id, b.id bid FROM a LEFT JOIN b ON b.a_id = a.id WHERE b.x = 5
@read
SELECT a.id, b.id bid FROM a CROSS JOIN b WHERE a.x = b.x AND a.x = 2
@pass
SELECT a.id, b.id bid FROM a, b WHERE a.x IS b.x
@read
SELECT t1.id, t2.id i2 FROM a t1 JOIN a t2 ON t1.x = t2.id WHERE t1.id = 2
@read
SELECT t1.id, t2.id i2 FROM b t1 JOIN b t2 ON t1.a_id = t2.id AND t1.id <> t2.id
@read
SELECT a.id, (SELECT count(*) FROM b WHERE b.a_id = a.id) n FROM a
@read
SELECT a.id, (SELECT name FROM b WHERE b.a_id = a.id ORDER BY x DESC LIMIT 1) n FROM a WHERE a.id = 2
@read
SELECT id FROM a ORDER BY (SELECT max(x) FROM b WHERE b.a_id = a.id) DESC
@read
SELECT id FROM a ORDER BY id LIMIT (SELECT count(*) FROM c WHERE x = 1)
@read
SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id AND EXISTS (SELECT 1 FROM c WHERE c.x = b.x AND c.y > a.id))
@read
SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id AND b.name = a.name)
@read
SELECT id FROM a WHERE (id, x) IN (SELECT a_id, x FROM b)
@read
SELECT id FROM a WHERE (id, x) = (SELECT a_id, x FROM b WHERE id = 2)
@read
SELECT id FROM a WHERE id IN (SELECT a_id FROM b WHERE b.x = a.x)
@read
WITH a AS (SELECT id, x FROM b WHERE x > 1) SELECT id FROM a
@read
WITH RECURSIVE up(id, x) AS (SELECT id, x FROM a WHERE id = 1 UNION ALL SELECT b.id, b.x FROM b JOIN up ON b.a_id = up.id WHERE b.id < 10 AND up.id < b.id) SELECT * FROM up
@read
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT max(id) FROM a)) SELECT i FROM n
@read
SELECT id, row_number() OVER (PARTITION BY a_id ORDER BY x) rn FROM b
@read
SELECT id, sum(x) OVER (ORDER BY id) s FROM b WHERE a_id = 2
@read
SELECT id, lag(name) OVER w l FROM b WINDOW w AS (ORDER BY x) ORDER BY id
@read
SELECT id FROM a EXCEPT SELECT a_id FROM b
@read
SELECT id FROM a INTERSECT SELECT a_id FROM b WHERE x = 2
@read
SELECT x FROM a UNION ALL SELECT x FROM b ORDER BY 1
@read
SELECT a_id, count(*) n FROM b GROUP BY a_id HAVING count(*) > 1
@read
SELECT a_id, group_concat(name) g FROM (SELECT a_id, name FROM b ORDER BY x) GROUP BY a_id
@read
SELECT max(x), name FROM b WHERE a_id = 2
@read
SELECT id FROM a WHERE x BETWEEN 2 AND 3
@read
SELECT id FROM a WHERE CASE WHEN x = 2 THEN 1 ELSE 0 END
@read
SELECT id FROM a WHERE name LIKE 'T%'
@read
SELECT id FROM a WHERE x IS NOT DISTINCT FROM NULL
@read
SELECT id FROM a WHERE x IN ()
@read
SELECT id FROM a WHERE x NOT IN (SELECT x FROM b)
@read
SELECT a.id, b.id bid FROM a FULL JOIN b ON a.id = b.id AND a.x = b.x
@read
SELECT a.id, b.id bid FROM a RIGHT JOIN b ON a.id = b.a_id AND a.x = 2
@read
SELECT x, y FROM c WHERE x = 1
@read
SELECT y FROM c WHERE x = 1 AND y = 2
@read
SELECT * FROM (VALUES (1), (2)) v JOIN a ON a.id = v.column1
@read
SELECT b.* FROM b WHERE b.a_id = (SELECT id FROM a WHERE name = 'two')
@read
SELECT id FROM a WHERE id = 1 AND x = (SELECT min(x) FROM b)
@read
SELECT exists(SELECT 1 FROM b WHERE a_id = 3) e
@write
UPDATE b SET x = 5 WHERE id = 2
@write
UPDATE b SET x = 2 WHERE id = 2
@write
UPDATE a SET x = 5 WHERE id = 2
@write
INSERT INTO b (a_id, x, name) VALUES (3, 1, 'three')
@write
UPDATE b SET id = 9 WHERE id = 1
@write
INSERT INTO c VALUES (5, 5)
@write
UPDATE c SET y = 7 WHERE x = 1 AND y = 2
@write
DELETE FROM c WHERE (x, y) = (1, 7)
@write
UPDATE a SET name = 'two' WHERE name = 'three'
@write
UPDATE b SET name = a.name FROM a WHERE a.id = b.a_id
@write
INSERT INTO a SELECT id + 10, x, name FROM b WHERE a_id = 2
@write
INSERT OR REPLACE INTO a (id, x) VALUES (2, 9)
@write
INSERT INTO a (id, x, name) VALUES (1, 4, 'new'), (77, 4, 'new') ON CONFLICT (id) DO UPDATE SET x = excluded.x WHERE a.x < 3
@write
UPDATE OR REPLACE a SET id = 3 WHERE id = 2
@write query
DELETE FROM b WHERE a_id = 2 RETURNING id
@write query
UPDATE a SET x = x + 1 RETURNING x * 2 AS id
@write query
INSERT INTO b VALUES (50, 1, 1, 'q') RETURNING 1 AS id
@write query
UPDATE b SET x = 100 WHERE id = 50 RETURNING 9 AS id, 'zz' AS name
@write query
DELETE FROM b WHERE id = 50 RETURNING 51 AS id
@write tx
UPDATE a SET x = 1 WHERE id = 1
{
UPDATE b SET x = 1 WHERE id = 2
!
{
INSERT INTO b VALUES (60, 1, 1, 'sp')
}
@write text
UPDATE a SET x = 2 WHERE id = 1; DELETE FROM b WHERE id = 60; INSERT INTO c VALUES (8, 8)

@case statements that do not say what they do are believed in nothing
@schema
CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v INT, w INT UNIQUE);
CREATE TABLE "Order Items" ("Id" INTEGER PRIMARY KEY, "group" TEXT, [select] INT, `from` INT);
CREATE TABLE norow (a TEXT, b INT);
INSERT INTO t VALUES (1, 'a', 1, 10), (2, 'b', 2, 20), (3, NULL, 3, NULL);
INSERT INTO "Order Items" VALUES (1, 'g', 1, 1), (2, 'h', 2, 2);
INSERT INTO norow VALUES ('a', 1), ('b', 2), ('b', 2);
@read
SELECT * FROM t WHERE id = 1
@read
SELECT * FROM t WHERE rowid = 1
@read
SELECT * FROM t WHERE oid = '1'
@read
SELECT * FROM t WHERE _rowid_ = 1.0
@read
SELECT * FROM T WHERE ID = 2
@read
SELECT "t"."id" FROM "T" AS t WHERE [t].[v] = 2
@read
SELECT count(*) FROM main.t WHERE w IS NULL
@read
SELECT v FROM t WHERE k = 'b'
@read
SELECT v FROM t WHERE k = "b"
@read
SELECT id FROM t WHERE "v" = "id"
@read
SELECT "group" FROM "order items" WHERE "id" = 1
@read
SELECT [select], `from` FROM "Order Items" o WHERE o."group" = 'h'
@read
SELECT a FROM norow WHERE rowid = 2
@read
SELECT rowid, a FROM norow WHERE b = 2
@read
SELECT count(*) FROM t /* WHERE id = 1 */ WHERE v > 1 -- AND id = 1
@read
SELECT v AS id, id AS v FROM t WHERE id = 2
@read
SELECT v AS id FROM t WHERE v = 2 ORDER BY id
@read
SELECT id AS v FROM t ORDER BY v DESC
@read
SELECT v AS k, count(*) n FROM t GROUP BY k
@read
SELECT id FROM t x WHERE x.v = (SELECT max(v) FROM t WHERE t.k = x.k)
@read
SELECT id FROM t WHERE v = 2 AND k = 'b' OR w = 10
@read
SELECT id FROM t WHERE NOT (v = 2)
@read
SELECT id FROM t WHERE (v = 2) = 0
@read
SELECT id FROM t WHERE (v = 2) IS NOT TRUE
@read
SELECT id FROM t WHERE v = 2 COLLATE NOCASE
@read
SELECT id FROM t WHERE k = 'B' COLLATE NOCASE
@read
SELECT id FROM t WHERE v = +2
@read
SELECT id FROM t WHERE v = '2'
@read
SELECT id FROM t WHERE v = 2.0
@read
SELECT id FROM t WHERE v = 0x2
@read
SELECT id FROM t WHERE v = 2e0
@read
SELECT id FROM t WHERE v == 2
@read
SELECT id FROM t WHERE 2 = v
@read
SELECT id FROM t WHERE v = CAST('2' AS INT)
@read
SELECT id FROM t WHERE (v) = (2)
@read
SELECT id FROM t WHERE v IN (2, NULL)
@read
SELECT id FROM t WHERE v IN (VALUES (2), (3))
@read
SELECT id FROM t WHERE id = 1 AND 1 = 1
@read
SELECT id FROM t WHERE id = 1 AND (v = 1 OR v = 5)
@read [2]
SELECT id FROM t WHERE v = ?1 AND id = ?1
@read [2, 1]
SELECT id FROM t WHERE v = ?2 OR id = ?1
@read ["b", 2]
SELECT id FROM t WHERE v = ?2 AND k = ?1
@read [2, "b"]
SELECT id FROM t WHERE v = ? AND k = ?
@read ["2"]
SELECT id FROM t WHERE v = ?
@read [2.0]
SELECT id FROM t WHERE v = ?
@read [true]
SELECT id FROM t WHERE v = ?
@pass [null]
SELECT id FROM t WHERE v IS ?
@read [null]
SELECT id FROM t WHERE v = ?
@read [1, 1]
SELECT id FROM t ORDER BY v LIMIT ? OFFSET ?
@read [0, 2]
SELECT id FROM t ORDER BY v LIMIT ?2 OFFSET ?1
@read [2, 1]
SELECT id FROM t ORDER BY v LIMIT ?2, ?1
@read
SELECT id FROM t ORDER BY v LIMIT 1, 2
@read
SELECT id FROM t LIMIT 0
@read
SELECT id FROM t ORDER BY v LIMIT -1 OFFSET 2
@write
UPDATE t SET v = 2 WHERE id = 1
@write
UPDATE t SET v = '5' WHERE rowid = 1
@write
UPDATE t SET rowid = 40 WHERE id = 2
@write
UPDATE t SET _rowid_ = 2 WHERE id = 40
@write
INSERT INTO t (rowid, v) VALUES (7, 2)
@write
INSERT INTO t (k, v) VALUES ('z', 2), ('y', 5)
@write
UPDATE t SET (v, k) = (SELECT 77, 'sub') WHERE id = 3
@write
UPDATE t SET (k, v) = ('b2', 2) WHERE id = 2
@write [2, 3]
UPDATE t SET v = ?1 WHERE id = ?2
@write [3, 2]
UPDATE t SET v = ?2 WHERE id = ?1
@write [2, "b"]
UPDATE t SET k = ?2 WHERE id = ?1
@write
INSERT INTO t (id, k, v, w) VALUES (100, 'b', 55, 3) ON CONFLICT (k) DO UPDATE SET v = excluded.v
@write
INSERT INTO t (id, k, v, w) VALUES (101, 'zzz', 55, 10) ON CONFLICT (k) DO NOTHING ON CONFLICT DO UPDATE SET v = 2
@write
INSERT OR REPLACE INTO t (id, k, w) VALUES (102, 'b', 20)
@write
UPDATE OR REPLACE t SET w = 10, v = 2 WHERE id = 3
@write
UPDATE OR IGNORE t SET k = 'b', v = 99 WHERE id > 1
@write
INSERT OR IGNORE INTO t (id, k, v) VALUES (200, 'n', 2), (1, 'x', 1)
@write
UPDATE "order items" SET "Group" = 'h' WHERE "ID" = 1
@write
UPDATE [Order Items] SET `select` = 9 WHERE "group" = 'h'
@write
UPDATE norow SET a = 'c' WHERE rowid = 2
@write
DELETE FROM norow WHERE rowid = 3
@write
UPDATE t AS u SET v = u.v + 1 WHERE u.id IN (1, 2)
@write
WITH x AS (SELECT 1 AS id) UPDATE t SET v = 2 WHERE id IN (SELECT id FROM x)
@write
WITH t2 AS (SELECT id FROM t WHERE v = 2) DELETE FROM t WHERE id IN (SELECT id FROM t2 LIMIT 1)
@write
UPDATE t SET v = 2 WHERE id = 1 OR 1 = 1
@write
UPDATE t SET v = 3 WHERE id = 1 AND 1 = 1 OR v = 2
@write
DELETE FROM t WHERE NOT id = 1
@write
INSERT INTO t DEFAULT VALUES
@write
INSERT INTO t VALUES (NULL, NULL, 2, NULL)
@write
INSERT INTO t (id, v) VALUES ('500', 2)
@write
UPDATE t SET v = 3 WHERE id = '500'
@write
UPDATE t SET v = 2 WHERE id = 500.0
@write
DELETE FROM t

@case triggers write what they like
@schema
CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, upd INT DEFAULT 0, g INT GENERATED ALWAYS AS (v * 2) STORED, h INT AS (g + 1));
CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT, n INT);
CREATE TABLE total (k TEXT PRIMARY KEY, s INT);
CREATE TABLE chain (id INTEGER PRIMARY KEY, v INT);
CREATE TABLE "Weird ""One" (id INTEGER PRIMARY KEY, v INT);
INSERT INTO total VALUES ('t', 0);
INSERT INTO t (id, v) VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO chain VALUES (1, 0), (2, 0);
CREATE VIEW tv AS SELECT id, v FROM t WHERE v > 0;
CREATE VIEW tvv AS SELECT tv.id, tv.v, chain.v cv FROM tv JOIN chain USING (id);
CREATE VIEW agg(total_v) AS SELECT sum(v) FROM t;
CREATE TRIGGER a AFTER INSERT ON t BEGIN UPDATE total SET s = s + new.v WHERE k = 't'; UPDATE t SET upd = 1 WHERE id = new.id; END;
CREATE TRIGGER b AFTER UPDATE OF v ON t WHEN new.v <> old.v BEGIN INSERT INTO log (what, n) VALUES ('t', new.v); END;
CREATE TRIGGER c AFTER INSERT ON log BEGIN UPDATE chain SET v = v + 1 WHERE id = 1; END;
CREATE TRIGGER d AFTER UPDATE ON chain BEGIN INSERT OR REPLACE INTO "Weird ""One" VALUES (new.id, new.v); END;
CREATE TRIGGER e INSTEAD OF UPDATE ON tv BEGIN UPDATE t SET v = new.v + 1 WHERE id = old.id; END;
CREATE TRIGGER f INSTEAD OF INSERT ON tvv BEGIN INSERT INTO chain VALUES (new.id, new.cv); INSERT INTO t (id, v) VALUES (new.id, new.v); END;
CREATE TRIGGER g INSTEAD OF DELETE ON agg BEGIN DELETE FROM log; END;
CREATE TRIGGER h BEFORE DELETE ON t WHEN old.v = 7 BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER i BEFORE DELETE ON t WHEN old.v = 8 BEGIN DELETE FROM chain WHERE id = 2; SELECT RAISE(FAIL, 'no'); END;
CREATE TRIGGER j BEFORE DELETE ON t WHEN old.v = 9 BEGIN SELECT RAISE(ABORT, 'no'); END;
@read
SELECT * FROM t WHERE id = 2
@read
SELECT id, g FROM t WHERE g = 4
@read
SELECT id, h FROM t WHERE h > 4
@read
SELECT count(*) FROM t WHERE upd = 1
@read
SELECT id FROM t WHERE upd = 1
@read
SELECT * FROM log
@read
SELECT n FROM log WHERE what = 't'
@read
SELECT s FROM total WHERE k = 't'
@read
SELECT v FROM chain WHERE id = 1
@read
SELECT v FROM chain WHERE id = 2
@read
SELECT * FROM "weird ""one"
@read
SELECT * FROM tv WHERE id = 2
@read
SELECT * FROM tvv
@read
SELECT * FROM agg
@read
SELECT t.id FROM t JOIN tvv USING (id) WHERE tvv.cv = 0
@read
SELECT id, total_v FROM chain, agg
@write
UPDATE t SET v = 3 WHERE id = 2
@write
INSERT INTO t (id, v) VALUES (4, 2)
@write query
INSERT INTO t (id, v) VALUES (5, 2) RETURNING *
@write query
UPDATE t SET v = 2 WHERE id = 3 RETURNING id, v, upd, g, h
@write
UPDATE tv SET v = 10 WHERE id = 2
@write
INSERT INTO tvv VALUES (50, 2, 5)
@write
DELETE FROM agg
@write
UPDATE chain SET v = 3 WHERE id = 2
@write
UPDATE t SET v = 7 WHERE id = 1
@write
UPDATE t SET v = 8 WHERE id = 3
@write
DELETE FROM t WHERE id = 1
@write
DELETE FROM t WHERE id IN (1, 2)
@write
DELETE FROM t WHERE id = 3
@write
UPDATE t SET v = 9 WHERE id = 3
@write
DELETE FROM t WHERE id = 3
@write
INSERT INTO t (id, v) VALUES (5, 6) ON CONFLICT (id) DO UPDATE SET v = 22
@write
REPLACE INTO t (id, v) VALUES (5, 61)
@write query
DELETE FROM t WHERE id > 1 AND v < 9 RETURNING id
@write
CREATE TRIGGER later AFTER UPDATE ON total BEGIN UPDATE chain SET v = -1; END
@write
UPDATE total SET s = 4 WHERE k = 't'
@write
DROP TRIGGER later
@write
UPDATE total SET s = 5
@write
DROP VIEW agg
@write
CREATE VIEW agg AS SELECT count(*) total_v FROM chain
@write
INSERT INTO chain VALUES (99, 1)

@case cascades reach as far as the database's
@schema
PRAGMA foreign_keys = ON;
CREATE TABLE p (a INT, b TEXT, u INT UNIQUE, PRIMARY KEY (a, b));
CREATE TABLE c (id INTEGER PRIMARY KEY, pa INT DEFAULT 0, pb TEXT DEFAULT 'x', v INT, FOREIGN KEY (pa, pb) REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE n (id INTEGER PRIMARY KEY, pu INT REFERENCES p (u) ON DELETE SET NULL ON UPDATE CASCADE, v INT);
CREATE TABLE dd (id INTEGER PRIMARY KEY, pu INT DEFAULT 10 REFERENCES p (u) ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);
CREATE TABLE gc (id INTEGER PRIMARY KEY, cid INT REFERENCES c ON DELETE CASCADE, w INT);
CREATE TABLE ggc (id INTEGER PRIMARY KEY, gid INT REFERENCES gc (id) ON DELETE SET NULL);
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INT REFERENCES tree ON DELETE CASCADE, v INT);
CREATE TABLE cyc1 (id INTEGER PRIMARY KEY, o INT REFERENCES cyc2 (id) ON DELETE CASCADE);
CREATE TABLE cyc2 (id INTEGER PRIMARY KEY, o INT REFERENCES cyc1 (id) ON DELETE CASCADE);
INSERT INTO p VALUES (0, 'x', 10), (1, 'k', 11), (2, 'k', 12), (3, 'm', 13), (4, 'm', 14);
INSERT INTO c VALUES (1, 1, 'k', 1), (2, 2, 'k', 2), (3, 3, 'm', 3), (4, 4, 'm', 4);
INSERT INTO n VALUES (1, 11, 1), (2, 12, 2), (3, 13, 3), (4, 14, 4);
INSERT INTO dd VALUES (1, 11), (2, 12), (3, 13), (4, 14);
INSERT INTO gc VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4);
INSERT INTO ggc VALUES (1, 1), (2, 2), (3, 3), (4, 4);
INSERT INTO tree VALUES (1, NULL, 1), (2, 1, 1), (3, 2, 1), (4, 3, 1), (5, NULL, 2), (6, 5, 2);
INSERT INTO cyc1 VALUES (1, NULL); INSERT INTO cyc2 VALUES (1, 1); UPDATE cyc1 SET o = 1;
@read
SELECT * FROM c WHERE id = 2
@read
SELECT id FROM c WHERE pa = 2
@read
SELECT id FROM c WHERE pa = 2 AND pb = 'k'
@read
SELECT count(*) FROM c WHERE pb = 'zz'
@read
SELECT id FROM n WHERE pu = 12
@read
SELECT id FROM n WHERE pu IS NULL
@read
SELECT count(*) FROM n WHERE pu = 99
@read
SELECT id FROM n WHERE v = 2 AND pu IS NOT NULL
@read
SELECT id FROM dd WHERE pu = 10
@read
SELECT * FROM dd WHERE id = 3
@read
SELECT * FROM gc WHERE w = 3
@read
SELECT * FROM gc WHERE id = 4
@read
SELECT id FROM ggc WHERE gid IS NULL
@read
SELECT * FROM ggc WHERE id = 4
@read
SELECT count(*) FROM tree WHERE v = 1
@read
SELECT * FROM tree WHERE id = 4
@read
SELECT * FROM cyc1
@read
SELECT * FROM cyc2 WHERE id = 1
@write
UPDATE p SET a = 22 WHERE a = 2 AND b = 'k'
@write
UPDATE p SET a = 2 WHERE a = 22
@write
UPDATE p SET u = 99 WHERE a = 2 AND b = 'k'
@write
UPDATE p SET b = 'zz' WHERE u = 13
@write query
DELETE FROM p WHERE a = 1 AND b = 'k' RETURNING *
@write
DELETE FROM p WHERE a = 3 AND b = 'zz'
@write
DELETE FROM p WHERE u = 14
@write
INSERT OR REPLACE INTO p VALUES (2, 'k', 10)
@write
INSERT OR REPLACE INTO p VALUES (0, 'x', 10)
@write
DELETE FROM tree WHERE id = 2
@write
DELETE FROM tree WHERE id = 5
@write
DELETE FROM cyc1 WHERE id = 1

@case text and numbers compare as the database compares them
@schema
CREATE TABLE t (id INTEGER PRIMARY KEY, tx TEXT, nc TEXT COLLATE NOCASE UNIQUE, rt TEXT COLLATE RTRIM, n NUMERIC, r REAL, nn, bl BLOB, b BOOLEAN, dt DATETIME, vc VARCHAR(2), fl FLOATING POINT);
CREATE TABLE k (k TEXT COLLATE NOCASE PRIMARY KEY, v INT) WITHOUT ROWID;
CREATE TABLE kr (k TEXT COLLATE RTRIM PRIMARY KEY, v INT);
CREATE TABLE kk (k PRIMARY KEY, v INT);
CREATE TABLE kn (k NUMERIC PRIMARY KEY, v INT);
CREATE TABLE kb (k BLOB PRIMARY KEY, v INT);
INSERT INTO t VALUES (1, '1', 'Abc', 'x', 1, 1.0, 1, x'41', 1, '2020-01-01', 'aa', 1), (2, '01', 'bcd ', 'x  ', '1.0', 1.5, '1', 'A', 0, 5, 'ab', 2), (3, ' 1', 'ÄB', 'X', 'abc', 2, 1.0, x'4100', 'true', 7, 'aa ', 3);
INSERT INTO k VALUES ('a', 1), ('b', 2), ('ä', 3); INSERT INTO kr VALUES ('a', 1), ('b ', 2);
INSERT INTO kk VALUES (1, 1), ('1', 2), (x'31', 3), (1.5, 4);
INSERT INTO kn VALUES (1, 1), ('2', 2), ('x', 3), (2.5, 4);
INSERT INTO kb VALUES (x'31', 1), ('1', 2), (1, 3);
@read
SELECT id FROM t WHERE tx = 1
@read
SELECT id FROM t WHERE tx = '1'
@read [1]
SELECT id FROM t WHERE tx = ?
@read ["1"]
SELECT id FROM t WHERE n = ?
@read ["1.0"]
SELECT id FROM t WHERE n = ?
@read
SELECT id FROM t WHERE n = '01'
@read
SELECT count(*) FROM t WHERE nn = 1
@read
SELECT count(*) FROM t WHERE nn = '1'
@read
SELECT count(*) FROM t WHERE bl = 'A'
@read
SELECT count(*) FROM t WHERE bl = x'41'
@read
SELECT count(*) FROM t WHERE nc = 'ABC'
@read
SELECT count(*) FROM t WHERE tx = 'Abc' COLLATE NOCASE
@read
SELECT count(*) FROM t WHERE rt = 'x '
@read
SELECT count(*) FROM t WHERE b = TRUE
@read [true]
SELECT count(*) FROM t WHERE b = ?
@read
SELECT count(*) FROM t WHERE b
@read
SELECT count(*) FROM t WHERE b IS TRUE
@read
SELECT count(*) FROM t WHERE r = 1
@read
SELECT count(*) FROM t WHERE vc = 'aa'
@read
SELECT count(*) FROM t WHERE tx = n
@read
SELECT count(*) FROM t a JOIN t b ON a.tx = b.n WHERE a.tx = '1'
@read
SELECT count(*) FROM t a JOIN t b ON a.nc = b.tx WHERE a.nc = 'abc'
@read
SELECT count(*) FROM t a JOIN t b ON a.tx = b.nc WHERE b.nc = 'abc'
@read
SELECT a.id, b.id i2 FROM t a JOIN t b ON a.nn = b.id WHERE b.id = 1
@read
SELECT a.id, b.id i2 FROM t a JOIN t b ON a.nn = b.tx WHERE b.tx = '1'
@read
SELECT v FROM k WHERE k = 'A'
@read
SELECT v FROM k WHERE k IN ('B', 'C')
@read
SELECT v FROM kr WHERE k = 'b'
@read
SELECT v FROM kk WHERE k = 1
@read
SELECT v FROM kk WHERE k = '1'
@read [1.5]
SELECT v FROM kk WHERE k = ?
@read
SELECT v FROM kk WHERE k = 1.0
@read
SELECT v FROM kn WHERE k = '2'
@read
SELECT v FROM kn WHERE k = '2.50'
@read
SELECT v FROM kn WHERE k = 1e0
@read
SELECT v FROM kb WHERE k = '1'
@read
SELECT v FROM kb WHERE k = x'31'
@read
SELECT v FROM kb WHERE k = 1
@write
UPDATE k SET v = 10 WHERE k = 'A'
@write
UPDATE k SET k = 'C' WHERE k = 'B'
@write
UPDATE kr SET v = 10 WHERE k = 'b    '
@write
INSERT INTO kr VALUES ('a  ', 5) ON CONFLICT (k) DO UPDATE SET v = 7
@write
INSERT INTO k VALUES ('A', 5) ON CONFLICT DO UPDATE SET v = 8
@write query
INSERT INTO k VALUES ('A', 5) ON CONFLICT (k) DO UPDATE SET v = 81 RETURNING k
@write
UPDATE kk SET v = 10 WHERE k = 1.0
@write
UPDATE kk SET v = 11 WHERE k = '1'
@write ["1"]
UPDATE kk SET v = 12 WHERE k = ?
@write [1]
UPDATE kk SET v = 13 WHERE k = ?
@write [1.0]
UPDATE kk SET v = 14 WHERE k = ?
@write ["2.0"]
UPDATE kn SET v = 14 WHERE k = ?
@write
UPDATE kn SET v = 15 WHERE k = 25e-1
@write
UPDATE kb SET v = 15 WHERE k = x'31'
@write
UPDATE kb SET v = 16 WHERE k = '1'
@write [1]
UPDATE kb SET v = 17 WHERE k = ?
@write
INSERT INTO kb (k, v) VALUES (1, 4) ON CONFLICT (k) DO UPDATE SET v = 44
@write
UPDATE t SET tx = 1 WHERE id = 2
@write
UPDATE t SET n = '1' WHERE id = '3'
@write
UPDATE t SET n = 1.0, r = '1' WHERE id = 3.0
@write
UPDATE t SET nn = '1', bl = 'A' WHERE id = 3
@write
UPDATE t SET nn = 1, b = 'true', bl = x'41' WHERE id = 3
@write
UPDATE t SET nc = 'zzz' WHERE nc = 'aBC'
@write
UPDATE t SET rt = 'zzz' WHERE rt = 'x          '
@write [true]
UPDATE t SET b = ? WHERE id = 2
@write ["abc"]
UPDATE t SET tx = ?, nc = 'aBc' WHERE id = 1
@write
INSERT INTO t (id, nc) VALUES (9, 'ABC') ON CONFLICT (nc) DO UPDATE SET nn = 1, n = 1, tx = 1, b = 1
@write
INSERT INTO t (id, tx, nn, n) VALUES (' 12 ', 1, 1, '  1')
@write
UPDATE t SET tx = 'x' WHERE id = ' 12'
@write
DELETE FROM t WHERE id = '1.0'

@case a constraint that resolves its conflicts itself is seen
@schema
CREATE TABLE r (id INTEGER PRIMARY KEY, k TEXT UNIQUE ON CONFLICT REPLACE, v INT);
CREATE TABLE i (id INTEGER PRIMARY KEY, k TEXT UNIQUE ON CONFLICT IGNORE, v INT);
CREATE TABLE f (id INTEGER PRIMARY KEY, k TEXT UNIQUE ON CONFLICT FAIL, v INT NOT NULL ON CONFLICT REPLACE DEFAULT 9);
CREATE TABLE ro (id INTEGER PRIMARY KEY, k TEXT UNIQUE ON CONFLICT ROLLBACK, v INT);
CREATE TABLE pk (id TEXT PRIMARY KEY ON CONFLICT REPLACE, v INT, w INT);
CREATE TABLE pk2 (a INT, b INT, v INT, CONSTRAINT x PRIMARY KEY (a, b) ON CONFLICT REPLACE);
INSERT INTO r VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4);
INSERT INTO i SELECT * FROM r; INSERT INTO f SELECT * FROM r; INSERT INTO ro SELECT * FROM r;
INSERT INTO pk VALUES ('a', 1, 1), ('b', 2, 2);
INSERT INTO pk2 VALUES (1, 1, 1), (2, 2, 2);
@read
SELECT * FROM r WHERE id = 1
@read
SELECT id FROM r WHERE v = 2
@read
SELECT * FROM r WHERE id = 3
@read
SELECT * FROM r
@read
SELECT count(*) FROM r WHERE v = 4
@read
SELECT * FROM i WHERE id = 2
@read
SELECT * FROM f WHERE id = 1
@read
SELECT count(*) FROM f WHERE v = 7
@read
SELECT count(*) FROM f WHERE v = 9
@read
SELECT * FROM f
@read
SELECT * FROM ro
@read
SELECT * FROM ro WHERE id = 1
@read
SELECT id, v FROM ro WHERE v = 77
@read
SELECT * FROM pk WHERE id = 'a'
@read
SELECT * FROM pk WHERE w = 1
@read
SELECT count(*) FROM pk WHERE w IS NULL
@read
SELECT v FROM pk2 WHERE a = 1 AND b = 1
@read
SELECT count(*) FROM pk2 WHERE a = 1 AND b = 1 AND v = 1
@read
SELECT count(*) FROM pk2 WHERE v = 1
@write
INSERT INTO r VALUES (11, 'a', 1)
@write
UPDATE r SET k = 'b' WHERE id = 3
@write query
INSERT INTO r (k, v) VALUES ('b', 5) RETURNING id, v
@write
INSERT INTO i VALUES (11, 'b', 4)
@write
UPDATE i SET k = 'b', v = 5 WHERE id = 1
@write
UPDATE f SET k = 'c', v = 7
@write
UPDATE f SET k = CASE id WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END, v = 7
@write
INSERT INTO f VALUES (21, 'n1', 7), (22, 'n1', 7), (23, 'n2', 7)
@write
INSERT INTO f VALUES (41, 'n41', NULL)
@write
UPDATE f SET v = NULL WHERE id = 1
@write
UPDATE OR FAIL ro SET id = id + 5 WHERE id < 4
@write
UPDATE OR FAIL ro SET id = 4 WHERE id IN (1, 2, 3) OR id = 6 OR id = 7
@write
INSERT OR FAIL INTO ro VALUES (71, 'n71', 77), (71, 'x', 77)
@write tx
UPDATE ro SET v = 77 WHERE k = 'd'
INSERT INTO ro VALUES (500, 'd', 77)
UPDATE ro SET v = 77 WHERE k = 'c'
@write tx
UPDATE ro SET v = 78 WHERE k = 'd'
INSERT OR ROLLBACK INTO r VALUES (11, 'a', 1)
UPDATE pk SET v = 79 WHERE id = 'a'
@write
INSERT INTO pk (id, v) VALUES ('a', 5)
@write
UPDATE pk SET id = 'a' WHERE id = 'b'
@write
INSERT INTO pk2 VALUES (1, 1, 9)
@write
UPDATE pk2 SET a = 1, b = 1 WHERE a = 2
@write
INSERT INTO pk2 (a, b, v) VALUES (1, 1, 10)

@case replaced rows go with all they had
@schema
PRAGMA foreign_keys = ON;
CREATE TABLE p (id INTEGER PRIMARY KEY, u INT UNIQUE, v INT);
CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE);
CREATE TABLE lg (n INT);
CREATE TABLE q (id INTEGER PRIMARY KEY, u INT UNIQUE ON CONFLICT REPLACE, v INT);
CREATE TABLE qc (id INTEGER PRIMARY KEY, q INT REFERENCES q ON DELETE SET NULL);
CREATE TRIGGER d AFTER DELETE ON p BEGIN INSERT INTO lg VALUES (old.id); END;
INSERT INTO p VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4); INSERT INTO c VALUES (1, 1), (2, 2), (3, 3), (4, 4);
INSERT INTO q VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO qc VALUES (1, 1), (2, 2), (3, 3);
@read
SELECT * FROM p
@read
SELECT * FROM p WHERE id = 2
@read
SELECT * FROM c WHERE id = 2
@read
SELECT count(*) FROM c WHERE p = 1
@read
SELECT * FROM lg
@read
SELECT * FROM q WHERE id = 1
@read
SELECT * FROM qc WHERE id = 2
@read
SELECT count(*) FROM qc WHERE q IS NULL
@write
INSERT OR REPLACE INTO p VALUES (10, 1, 1)
@write
UPDATE OR REPLACE p SET u = 2 WHERE id = 10
@write
REPLACE INTO p (id, v) VALUES (3, 9)
@write
INSERT INTO q VALUES (10, 1, 4)
@write
UPDATE q SET u = 2 WHERE id = 10
@write
PRAGMA recursive_triggers = ON
@write
REPLACE INTO p (id, v) VALUES (4, 9)
@write tx
PRAGMA defer_foreign_keys = ON
INSERT INTO c VALUES (77, 100)
UPDATE p SET v = 1000
@write
UPDATE p SET v = 12

@case what the session, the schema and other files say
@schema
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v INT, j TEXT);
CREATE TABLE nx (id INTEGER PRIMARY KEY, t INT);
CREATE VIRTUAL TABLE fts USING fts5 (body, content='t', content_rowid='id');
CREATE VIEW v1 AS SELECT id, v FROM t;
CREATE VIEW v2 (a, b) AS WITH t AS (SELECT id, t FROM nx) SELECT id, t FROM t;
CREATE VIEW v3 AS SELECT v1.id, v2.b FROM v1 LEFT JOIN v2 ON v2.a = v1.id;
CREATE INDEX part ON t (v) WHERE v > 3;
CREATE UNIQUE INDEX upart ON nx (t) WHERE t > 3;
INSERT INTO t (v, j) VALUES (1, '{"a": 1}'), (2, '[1,2]'), (3, NULL);
INSERT INTO nx VALUES (1, 1), (2, 5);
@pass
SELECT * FROM sqlite_sequence
@pass
SELECT name FROM pragma_table_info('t')
@read
SELECT * FROM v2
@read
SELECT * FROM v3
@read
SELECT * FROM main.v1 WHERE id = 1
@read
WITH v1 AS (SELECT id, t AS v FROM nx) SELECT * FROM v1
@read
WITH t AS (SELECT * FROM nx) SELECT t.id FROM main.t, t AS t2
@read
SELECT t.id, json_each.value FROM t, json_each(t.j) WHERE t.id = 2
@read
SELECT value FROM json_each('[1,2]')
@read
SELECT j ->> '$.a' x FROM t WHERE id = 1
@read
SELECT id FROM t WHERE j ->> '$.a' = 1
@pass
SELECT count(*) FROM t INDEXED BY part WHERE v > 3
@pass
SELECT count(*) FROM t NOT INDEXED WHERE v = 2
@read
SELECT * FROM (SELECT * FROM (SELECT id, v FROM t WHERE v = 2) UNION ALL SELECT id, t FROM nx) WHERE id = 2
@read
SELECT max(id), v FROM t
@read
SELECT id FROM t WHERE v = (SELECT v FROM t WHERE id = 1) + 1
@read
SELECT t.id, t.v, (SELECT t FROM nx WHERE nx.id = t.id) nxt FROM t
@read
SELECT iif(exists(SELECT 1 FROM nx WHERE t = 5), 'y', 'n') q
@read
SELECT id FROM t GROUP BY v % 2
@read
SELECT DISTINCT v FROM t JOIN nx
@read
SELECT id x FROM t UNION SELECT t FROM nx ORDER BY x DESC LIMIT 2
@read
SELECT 1 WHERE EXISTS (SELECT * FROM nx WHERE t = 5)
@read
SELECT 1 FROM t, nx WHERE 0
@read
VALUES (1), ((SELECT v FROM t WHERE id = 1))
@read
SELECT typeof(v) ty FROM t WHERE id = 1
@pass
SELECT nx.id FROM nx WHERE t IN t
@pass
SELECT nx.id FROM nx WHERE nx.t IN v1
@read
SELECT id FROM nx WHERE t IN (SELECT t)
@pass
SELECT sqlite_version() IS NULL q
@write
INSERT INTO t (v) VALUES (5)
@write
UPDATE t SET v = 2 WHERE id = 1
@write
UPDATE t SET v = 1 WHERE id = 1
@write
INSERT INTO nx VALUES (3, 5) ON CONFLICT (t) WHERE t > 3 DO UPDATE SET t = 9
@write
INSERT INTO nx VALUES (3, 9), (2, 4) ON CONFLICT (id) DO UPDATE SET t = 2 ON CONFLICT (t) WHERE t > 3 DO UPDATE SET t = 5, id = 8
@write
UPDATE nx SET id = 5 WHERE t = 5
@write
ALTER TABLE nx RENAME COLUMN t TO tt
@write
ALTER TABLE nx RENAME COLUMN tt TO t
@write
ALTER TABLE t ADD COLUMN extra INT DEFAULT 4
@write
UPDATE t SET extra = 9
@write
ALTER TABLE t RENAME TO t_old
@write
CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, j TEXT)
@write
INSERT INTO t VALUES (1, 2, '{"a":1}')
@write
UPDATE t_old SET v = v + 1
@write
UPDATE t SET v = 3 WHERE id = 1
@write
DROP TABLE nx
@write
CREATE TABLE nx AS SELECT id, v AS t FROM t
@write
INSERT INTO nx VALUES (1, 5)
@write
UPDATE nx SET t = 1 WHERE id = 1
@write
INSERT INTO v1 (id) VALUES (1)
@write
CREATE UNIQUE INDEX vx ON t (v)
@write
INSERT OR REPLACE INTO t VALUES (60, 3, NULL)
@write
INSERT INTO t VALUES (61, 3, NULL) ON CONFLICT (v) DO UPDATE SET j = '{"a":1}', v = 2
@write tx
CREATE TABLE inner_one (id INTEGER PRIMARY KEY)
INSERT INTO inner_one VALUES (1)
UPDATE t SET v = 70
@write tx
DROP VIEW v1
CREATE VIEW v1 AS SELECT id, t AS v FROM nx
@write
UPDATE nx SET t = 12

@case deep and shadowed names find their tables
@schema
CREATE TABLE a (id INTEGER PRIMARY KEY, b INT, c INT);
CREATE TABLE b (id INTEGER PRIMARY KEY, a INT, c INT);
CREATE TABLE c (id INTEGER PRIMARY KEY, a INT, b INT);
INSERT INTO a VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
INSERT INTO b VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
INSERT INTO c VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
@read
SELECT b.id FROM a AS b WHERE b.b = 2
@read
SELECT a.id FROM b AS a, a AS b WHERE a.a = b.id AND b.c = 2
@read
SELECT a FROM b WHERE EXISTS (SELECT a FROM a WHERE a.b = b.id AND c = 2)
@read
SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE EXISTS (SELECT 1 FROM c WHERE c.id = b.c AND c.a = a.id AND b = 2))
@read
SELECT id FROM a WHERE b IN (SELECT id FROM b WHERE b.a = a.id AND c = a.c) AND id = 2
@pass
WITH b AS (SELECT id, c FROM c WHERE a = 2), c AS (SELECT id FROM b) SELECT c.id FROM c JOIN b USING (id)
@read
WITH x AS (SELECT id FROM a WHERE c = 2) SELECT (WITH x AS (SELECT id FROM b WHERE c = 3) SELECT id FROM x) y, id FROM x
@read
WITH x AS (WITH a AS (SELECT * FROM b) SELECT * FROM a) SELECT x.id FROM x, a WHERE a.id = x.id AND a.b = 2
@read
SELECT x.id FROM (SELECT id, c AS b FROM b WHERE c = 2) x JOIN a ON a.b = x.b
@read
SELECT x.b FROM (SELECT id, b FROM a WHERE id = 2) x WHERE x.b = 2
@read
SELECT count(*) FROM (SELECT id i, b FROM a) x WHERE x.i = 2
@read
SELECT count(*) FROM (SELECT c AS id, id AS c FROM a) x WHERE x.id = 2
@read
SELECT id, c AS id FROM (SELECT c AS id, id AS c FROM a) a WHERE a.id = 2
@read
SELECT id FROM (SELECT a.id, b.c FROM a LEFT JOIN b ON b.a = a.id AND b.c = 2) x WHERE x.c IS NULL
@read
SELECT a.id FROM a JOIN (b JOIN c ON c.b = b.id) ON b.a = a.id WHERE c.a = 2
@read
SELECT a.id FROM a LEFT JOIN (b LEFT JOIN c ON c.b = b.id AND c.a = 2) ON b.a = a.id WHERE c.id IS NULL
@read
SELECT a.id, b.id bi FROM a LEFT JOIN b ON b.a = a.id WHERE a.id = 2 ORDER BY b.id LIMIT 1
@read
SELECT a.id, b.id bi FROM a LEFT JOIN b ON b.id = a.b WHERE a.c = 2 ORDER BY a.id LIMIT 3
@read
SELECT a.id, b.id bi, c.id ci FROM a LEFT JOIN b ON b.id = a.b LEFT JOIN c ON c.id = b.c
@read
SELECT a.id, b.id bi, c.id ci FROM a LEFT JOIN b ON b.id = a.b JOIN c ON c.id = b.c WHERE c.b = 2
@read
SELECT a.id FROM a LEFT JOIN b ON b.id = a.b AND b.c = 2 JOIN c ON c.id = a.id AND c.a = coalesce(b.c, 3)
@read
SELECT a.id, b.id bi FROM a LEFT JOIN b ON b.id = 2 AND a.id = 2
@read
SELECT a.id, b.id bi FROM a LEFT JOIN b ON a.id = 2
@read
SELECT a.id, a2.id i2 FROM a JOIN a a2 ON a2.b = a.c WHERE a.id = 2
@read
SELECT a.id, a2.c FROM a LEFT JOIN a a2 ON a2.id = a.id + 1
@read
SELECT a.id FROM a JOIN b ON a.id = b.a AND (b.c = 2 OR a.c = 3)
@read
SELECT a.id FROM a, b, c WHERE a.id = b.a AND b.id = c.b AND c.id = 2 AND a.c = b.c
@read
SELECT a.id FROM a WHERE a.id = 2 AND a.b = (SELECT c FROM b WHERE b.id = a.id)
@read
SELECT a.id FROM a GROUP BY a.id HAVING (SELECT sum(c) FROM b WHERE b.a = a.id) > 1
@read
SELECT sum(CASE WHEN b.c = 2 THEN 1 END) s FROM a LEFT JOIN b ON b.a = a.id
@read
SELECT a.id FROM a ORDER BY CASE WHEN b = 2 THEN 0 ELSE id END LIMIT 1
@read
SELECT id FROM a WHERE (b, c) IN (VALUES (2, 2), (3, 3))
@read
SELECT id FROM a WHERE (b = 2 AND c = 2) OR (b = 2 AND c = 3)
@read
SELECT id FROM a WHERE b = 2 AND b = 3
@read
SELECT id FROM a WHERE b = 2 AND c IN (1, 2, 3) AND id IN (1, 2, 3)
@read
SELECT id FROM a WHERE b = c AND c = 2
@read
SELECT id FROM a WHERE b = 2 IS TRUE
@read
SELECT id FROM a WHERE +b = 2
@read
SELECT id FROM a WHERE b > 1 ORDER BY c, id LIMIT 1
@read
SELECT id FROM a WHERE (c, id) > (1, 1) ORDER BY c, id LIMIT 1
@read
SELECT min(id) FROM a WHERE c >= 2
@read
SELECT id FROM a WHERE b = (b = 2) + 1
@read
SELECT id FROM a WHERE b = 2 = 1
@read
SELECT id FROM a WHERE 1 = b = 2
@read
SELECT id FROM a WHERE b = 2 AND c = 2 COLLATE BINARY UNION ALL SELECT id FROM b WHERE a = 2 LIMIT 1 OFFSET 1
@write
UPDATE a SET b = 2 WHERE id = 1
@write
UPDATE b SET c = 2 WHERE id = 1
@write
UPDATE c SET a = 2 WHERE id = 1
@write
UPDATE c SET b = 2 WHERE id = 3
@write
UPDATE a SET c = 2 WHERE id = 3
@write
UPDATE b SET a = 2 WHERE id = 3
@write
UPDATE a SET c = 9, b = 9 WHERE id = 2
@write
UPDATE b SET c = 3 WHERE id = 2
@write
UPDATE c SET a = 3 WHERE id = 2
@write
INSERT INTO a VALUES (4, 2, 2)
@write
INSERT INTO b VALUES (4, 4, 2)
@write
INSERT INTO c VALUES (4, 2, 4)
@write
DELETE FROM b WHERE id = 2
@write
DELETE FROM c WHERE id = 2
@write
UPDATE a SET c = 1, b = 2 WHERE id = 2
@write
UPDATE a SET id = 20 WHERE id = 2
@write
UPDATE b SET a = a + 1
@write
UPDATE a SET b = c, c = b
@write
DELETE FROM a WHERE b = 2
@write
INSERT INTO a SELECT id, a, c FROM b WHERE NOT EXISTS (SELECT 1 FROM a WHERE a.id = b.id)

@case a temporary trigger is a trigger
@schema
CREATE TABLE total (id INTEGER PRIMARY KEY, s INT); INSERT INTO total VALUES (1, 1);
CREATE TABLE chain (id INTEGER PRIMARY KEY, v INT); INSERT INTO chain VALUES (1, 1);
@read
SELECT v FROM chain WHERE id = 1
@write
CREATE TEMP TRIGGER tt AFTER UPDATE ON total BEGIN UPDATE chain SET v = v - 2; END
@write
UPDATE total SET s = 6
@write
UPDATE total SET s = 7
