@case mariadb compares what it likes
@schema
CREATE TABLE t (id int PRIMARY KEY, n int, s varchar(20), u varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, b varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, nopad varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_nopad_ci, c char(5), d decimal(10,2), e enum('a','b',''), st set('x','y'), bt bit(4), bo boolean, y year, bl varbinary(10), dt datetime, ts timestamp NULL, f float, j json, g int AS (n * 2) STORED, gv int AS (n + 1) VIRTUAL, bu bigint unsigned, da date);
CREATE TABLE ks (k varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v int);
CREATE TABLE kc (k varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_german2_ci PRIMARY KEY, v int);
CREATE TABLE kb (k varbinary(20) PRIMARY KEY, v int);
CREATE TABLE ke (k enum('a','b') PRIMARY KEY, v int);
CREATE TABLE kd (k decimal(5,2) PRIMARY KEY, v int);
CREATE TABLE kl (k varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, v int);
CREATE TABLE ku (k bigint unsigned PRIMARY KEY, v int);
CREATE TABLE kdt (k datetime PRIMARY KEY, v int);
INSERT INTO t (id, n, s, u, b, nopad, c, d, e, st, bt, bo, y, bl, dt, ts, f, j, bu, da) VALUES
 (1, 1, '1', 'Straße', 'A', 'x', 'a', 1.00, 'a', 'x', 1, 1, 2020, 'a', '2020-01-01', '2020-01-01', 1, '{"a":1}', 1, '2020-01-01'),
 (2, 2, '01', 'resume ', 'a', 'x ', 'a ', 1.5, 'b', 'x,y', 2, 0, 2021, 'a ', '2020-01-02', '2020-01-02', 2, '[1]', 18446744073709551615, '2020-01-02'),
 (3, NULL, '1abc', 'Résumé', 'b', 'X', NULL, 0, '', '', 0, 2, 1999, '', NULL, NULL, 0.1, NULL, NULL, NULL),
 (4, 0, 'abc', 'strasse', 'c', 'y', 'b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO ks VALUES ('Abc', 1), ('é', 2), ('ss', 3); INSERT INTO kc VALUES ('ae', 1), ('ss', 2); INSERT INTO kb VALUES ('a', 1), ('A', 2), ('a ', 3); INSERT INTO ke VALUES ('a', 1), ('b', 2); INSERT INTO kd VALUES (1, 1), (2.5, 2); INSERT INTO kl VALUES ('a', 1), ('y', 2); INSERT INTO ku VALUES (1, 1), (18446744073709551615, 2); INSERT INTO kdt VALUES ('2020-01-01', 1);
@read
SELECT id FROM t WHERE s = 1
@read
SELECT id FROM t WHERE s = '1'
@read
SELECT id FROM t WHERE s = 0
@read
SELECT id FROM t WHERE s = TRUE
@read
SELECT id FROM t WHERE n = '1'
@read
SELECT id FROM t WHERE n = '1abc'
@read
SELECT id FROM t WHERE n = 'abc'
@read
SELECT id FROM t WHERE n = ''
@read
SELECT id FROM t WHERE n <=> NULL
@read
SELECT id FROM t WHERE n <=> 1
@read
SELECT id FROM t WHERE n = 1.0
@read
SELECT id FROM t WHERE n = 0x31
@read
SELECT id FROM t WHERE n = b'1'
@read
SELECT id FROM t WHERE n = x'01'
@read
SELECT id FROM t WHERE bu = -1
@read
SELECT id FROM t WHERE bu = '18446744073709551615'
@read
SELECT id FROM t WHERE bu = 18446744073709551615
@read
SELECT id FROM t WHERE u = 'RESUME'
@read
SELECT id FROM t WHERE u = 'strase'
@read
SELECT id FROM t WHERE u = 'resume   '
@read
SELECT id FROM t WHERE b = 'A '
@read
SELECT id FROM t WHERE u = 'A' COLLATE utf8mb4_bin
@read
SELECT id FROM t WHERE nopad = 'x'
@read
SELECT id FROM t WHERE c = 'A'
@read
SELECT id FROM t WHERE e = 1
@read
SELECT id FROM t WHERE e = 'A'
@read
SELECT id FROM t WHERE e = 0
@read
SELECT id FROM t WHERE st = 3
@read
SELECT id FROM t WHERE st = 'y,x'
@read
SELECT id FROM t WHERE FIND_IN_SET('x', st)
@read
SELECT id FROM t WHERE bt = 1
@read
SELECT id FROM t WHERE bo = TRUE
@read
SELECT id FROM t WHERE bo
@read
SELECT id FROM t WHERE bo IS TRUE
@read
SELECT id FROM t WHERE bo = 2
@read
SELECT id FROM t WHERE y = 20
@read
SELECT id FROM t WHERE y = '99'
@read
SELECT id FROM t WHERE bl = 'a'
@read
SELECT id FROM t WHERE dt = 20200101
@read
SELECT id FROM t WHERE dt = '2020-1-1'
@read
SELECT id FROM t WHERE da = 200101
@read
SELECT id FROM t WHERE d = '1'
@read
SELECT id FROM t WHERE f = 0.1
@read
SELECT id FROM t WHERE j = '{"a":1}'
@read
SELECT id FROM t WHERE JSON_VALUE(j, '$.a') = 1
@read
SELECT id FROM t WHERE g = 4
@read
SELECT id FROM t WHERE gv = 2
@read
SELECT id FROM t WHERE (n, s) IN ((1, 1), (2, '01'))
@read
SELECT id FROM t WHERE n IN ('1', 2.0)
@read
SELECT id FROM t WHERE s IN (1, 'abc')
@read
SELECT id FROM t WHERE n = 1 XOR id = 1
@read
SELECT id FROM t WHERE n = 1 && s = '1'
@read
SELECT id FROM t WHERE n = 1 || s = 'abc'
@read
SELECT id FROM t WHERE NOT n = 1
@pass
SELECT id FROM t WHERE ! n = 1
@read
SELECT id FROM t WHERE n = 1 = 1
@read
SELECT id FROM t WHERE s LIKE 'A%'
@read
SELECT id FROM t WHERE s REGEXP '^1'
@read
SELECT id FROM t WHERE s = "1"
@read
SELECT id FROM t -- WHERE id = 1
WHERE id = 2 -- AND
@read
SELECT id FROM t WHERE id = 5--1
@read
SELECT id FROM t WHERE s = _utf8mb4'1'
@read
SELECT id FROM t WHERE s = N'1'
@read
SELECT id FROM t WHERE n = DATE'2020-01-01' OR n = 1
@read
SELECT a.id, b.id bi FROM t a JOIN t b ON a.s = b.n WHERE b.n = 1
@read
SELECT a.id, b.id bi FROM t a JOIN t b ON a.n = b.bo WHERE a.n = 1
@read
SELECT a.id, b.k FROM t a JOIN ks b ON a.s = b.k WHERE a.s = 'abc'
@read
SELECT a.id, b.k FROM t a JOIN kb b ON a.c = b.k WHERE a.c = 'a'
@read
SELECT a.id, b.k FROM t a JOIN kb b ON a.c = b.k WHERE b.k = 'a'
@read
SELECT v FROM ks WHERE k = 'ABC'
@read
SELECT v FROM ks WHERE k = 'E'
@read
SELECT v FROM ks WHERE k = 'abc  '
@read
SELECT v FROM ks WHERE k = 0
@read
SELECT v FROM kc WHERE k = 'ä'
@read
SELECT v FROM kc WHERE k = 'AE'
@read
SELECT v FROM kc WHERE k = 'ß'
@read
SELECT v FROM kb WHERE k = 'a'
@read
SELECT v FROM kb WHERE k = 'a '
@read
SELECT v FROM ke WHERE k = 1
@read
SELECT v FROM ke WHERE k = 'A'
@read
SELECT v FROM kd WHERE k = '1.0'
@read
SELECT v FROM kd WHERE k = 2.500
@read
SELECT v FROM kl WHERE k = 'ü'
@read
SELECT v FROM kl WHERE k = 'Å'
@read
SELECT v FROM ku WHERE k = 1.0
@read
SELECT v FROM ku WHERE k = 18446744073709551615
@read
SELECT v FROM ku WHERE k = '18446744073709551615'
@read
SELECT v FROM kdt WHERE k = 20200101000000
@read
SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1
@read
SELECT STRAIGHT_JOIN t.id FROM t STRAIGHT_JOIN ks WHERE ks.v = 1
@read
SELECT id FROM t ORDER BY n IS NULL, n DESC LIMIT 1, 2
@read
SELECT GROUP_CONCAT(s ORDER BY id SEPARATOR '|') FROM t
@read
SELECT count(*), n % 2 m FROM t GROUP BY m WITH ROLLUP
@read
SELECT id FROM t IGNORE INDEX (PRIMARY) WHERE n = 1
@read
SELECT DISTINCTROW bo FROM t
@read
SELECT id, n FROM t GROUP BY bo
@read
SELECT IF(EXISTS(SELECT 1 FROM ks WHERE v = 5), 'y', 'n') q
@pass
SELECT NEXTVAL(sq)
@read
VALUES (1), (2)
@read
SELECT id, v FROM t NATURAL JOIN ks
@write
UPDATE ks SET v = 10 WHERE k = 'aBC '
@write
UPDATE ks SET v = 11 WHERE k = 'É'
@write
UPDATE kc SET v = 10 WHERE k = 'AE'
@write
UPDATE kc SET v = 11 WHERE k = 'ä'
@write
UPDATE kc SET v = 12 WHERE k = 'ß'
@write
UPDATE kb SET v = 10 WHERE k = 'a '
@write
UPDATE ke SET v = 10 WHERE k = 1
@write
UPDATE ke SET v = 12 WHERE k = 'A'
@write
UPDATE kd SET v = 10 WHERE k = 1
@write
UPDATE kl SET v = 10 WHERE k = 'Y'
@write
UPDATE ku SET v = 10 WHERE k = '1'
@write
UPDATE ku SET v = 11 WHERE k = 18446744073709551615
@write
UPDATE kdt SET v = 11 WHERE k = '2020-01-01'
@write
INSERT INTO ks VALUES ('ABC', 5) ON DUPLICATE KEY UPDATE v = VALUES(v)
@write
INSERT INTO ks SET k = 'new', v = 5
@write
INSERT IGNORE INTO ks VALUES ('NEW', 9), ('other', 'x')
@write
REPLACE INTO ks VALUES ('aBC', 77)
@write
UPDATE t SET n = '1' WHERE id = 2
@write
UPDATE t SET n = '1.4' WHERE id = 3
@write
UPDATE t SET n = 0.5, s = 1 WHERE id = 4
@write
UPDATE t SET s = 1.0, u = 'Strase', d = '1', e = 1, st = 3, bt = 1, bo = '1', y = '20', bl = 'a', c = 'A    ', dt = '20200101', da = '20-1-1', bu = 18446744073709551615 WHERE id = 4
@write
UPDATE t SET u = 'RÉSUME', nopad = 'X', b = 'A  ' WHERE id = 1
@write
UPDATE t SET e = 'zzz' WHERE id = 1
@write
UPDATE IGNORE t SET e = 'zzz', n = 'abc' WHERE id = '1abc'
@write
UPDATE t SET n = n + 1 ORDER BY id LIMIT 1
@write
UPDATE t, ks SET t.n = 5, ks.v = 6 WHERE t.id = 1 AND ks.k = 'new'
@write
UPDATE t JOIN kd ON kd.v = t.id SET kd.v = 99, t.s = 'joined'
@write
UPDATE t a LEFT JOIN ks b ON a.s = b.k SET a.s = 'abc' WHERE b.k IS NULL AND a.id = 3
@write
DELETE a, b FROM t a JOIN ks b ON a.s = b.k WHERE a.id = 3
@write
DELETE FROM kb, ke USING kb JOIN ke WHERE kb.v = 2 AND ke.v = 12
@write
DELETE kd.* FROM kd WHERE kd.v = 99
@write
INSERT INTO t (id, n, s) SELECT v + 100, v, k FROM ks
@write query
INSERT INTO ks VALUES ('ret', 1), ('ret2', 2) RETURNING v AS k
@write query
DELETE FROM ks WHERE k = 'ret' RETURNING 'x' AS k
@write query
REPLACE INTO ks VALUES ('ret2', 4) RETURNING v
@write
INSERT INTO t (id, n) VALUES (1, 1) ON DUPLICATE KEY UPDATE n = 1, id = 1001
@write
INSERT INTO t (id, n) VALUES (50, '1xyz'), (51, '')
@write
TRUNCATE TABLE kl
@write
RENAME TABLE ks TO ks_old, kd TO ks
@write
UPDATE ks_old SET v = 5
@write
UPDATE ks SET v = 5
@write
ALTER TABLE t MODIFY s int
@write
CREATE OR REPLACE TABLE kdt (k datetime PRIMARY KEY, v int)
@write
INSERT INTO kdt VALUES ('2020-01-01', 9)
@write
LOAD DATA LOCAL INFILE '/dev/null' INTO TABLE kdt
